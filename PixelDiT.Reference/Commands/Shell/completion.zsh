#compdef pixeldit
# zsh completion of pixeldit. In ~/.zshrc, behind compinit: source <(pixeldit completion zsh)
_pixeldit() {
  # What follows the program's name, up to the cursor.
  local rest="${(j: :)words[2,CURRENT-1]}"
  (( CURRENT > 2 )) && rest+=" "
  rest+="$PREFIX"
  local -a suggested
  suggested=("${(@f)$("${words[1]}" "[suggest:${#rest}]" "$rest" 2>/dev/null)}")
  # Slashed forms of --help are of other systems.
  suggested=(${suggested:#/*})
  # Options are offered to who has begun one: elsewhere a file may be meant.
  [[ $PREFIX == -* ]] || suggested=(${suggested:#-*})
  compadd -a suggested && return
  _files
}
compdef _pixeldit pixeldit
