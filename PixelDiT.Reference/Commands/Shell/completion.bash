# bash completion of pixeldit. In ~/.bashrc: source <(pixeldit completion bash)
_pixeldit() {
  local line=${COMP_LINE:0:COMP_POINT}
  local typed=
  # Behind a blank a new word begins; what stands before it is complete.
  [[ $line == *[[:blank:]] ]] || typed=${COMP_WORDS[COMP_CWORD]}
  # What follows the program's name, up to the cursor.
  local rest=${line#*[[:blank:]]}
  local suggested
  suggested=$("${COMP_WORDS[0]}" "[suggest:${#rest}]" "$rest" 2>/dev/null)
  # Slashed forms of --help are of other systems.
  suggested=$(grep -v '^/' <<<"$suggested")
  # Options are offered to who has begun one: elsewhere a file may be meant.
  [[ $typed == -* ]] || suggested=$(grep -v '^-' <<<"$suggested")
  # A path of one's own begins no option: then the shell's own completion of files steps in.
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$suggested" -- "$typed"))
}
complete -o default -F _pixeldit pixeldit
