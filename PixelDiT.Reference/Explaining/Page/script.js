'use strict';
(() => {
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const state = { frame: 0, traced: 0, patch: 0, block: 0, modulated: 0, channel: 0, compacted: 0, word: -1, stage: 0, open: new Set() };
const passNames = ['with ' + data.condition, 'with ' + data.nullCondition];

// Small makers. Text is always text, never markup.
function make(tag, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'line', 'rect', 'circle', 'text', 'title', 'g'].includes(tag);
  const element = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (name === 'on') for (const [event, run] of Object.entries(value)) element.addEventListener(event, run); else element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const fill = (id, ...children) => $(id).replaceChildren(...children);
const figure = (picture, title, text) => make('figure', {}, picture, make('figcaption', {}, make('b', {}, title), ' ' + (text || '')));
const picture = (source, alt) => make('img', { src: source, alt, width: data.width, height: data.height });
const number = (value, digits = 3) => value === null ? 'not a number' : Math.abs(value) >= 1e5 || value !== 0 && Math.abs(value) < 1e-3 ? signed(value.toExponential(1)) : signed(String(Number(value.toPrecision(digits))));
const signed = text => text.replaceAll('-', '−');
const percent = value => value === null ? '–' : value === 0 ? '0\u00a0%' : value < .001 ? '<\u00a00.1\u00a0%' : (value < .1 ? (100 * value).toFixed(1) : Math.round(100 * value)) + '\u00a0%';
const share = shares => shares.map(percent).join(', ');
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const kept = new Map();
function unpack(text, floats) {
  if (!kept.has(text)) kept.set(text, floats ? new Float32Array(bytes(text).buffer) : bytes(text));
  return kept.get(text);
}
function choose(id, names, chosen, pick) {
  const field = $(id), legend = field.querySelector('legend');
  field.replaceChildren(legend, ...names.map((name, i) => {
    const input = make('input', { type: 'radio', name: id, value: i, 'aria-label': legend.textContent + ' ' + name, on: { change: () => pick(i) } });
    input.checked = i === chosen;
    return make('label', { class: 'pick' }, input, make('span', {}, name));
  }));
  field.hidden = names.length === 0;
}
const absent = text => make('p', { class: 'absent' }, text);
const trace = () => data.traced[state.traced];
const tracedFrame = () => data.frames.find(frame => frame.step === trace().step);

// Maps: blue is negative, red positive, as far as the largest magnitude of the row.
function diverging(value) {
  const strength = Math.min(1, Math.abs(value)), ends = value < 0 ? [24, 92, 170] : [186, 38, 30];
  return [0, 1, 2].map(i => 245 + (ends[i] - 245) * Math.pow(strength, .8));
}
const colours = Array.from({ length: 256 }, (_, i) => diverging(i / 127.5 - 1));
function map(text, across, down, label, scale) {
  const canvas = make('canvas', { width: across, height: down, role: 'img', 'aria-label': label }), context = canvas.getContext('2d'), image = context.createImageData(across, down), values = unpack(text);
  for (let i = 0; i < values.length; i++) { const c = colours[values[i]]; image.data.set([c[0], c[1], c[2], 255], 4 * i); }
  context.putImageData(image, 0, 0);
  if (scale) canvas.addEventListener('pointermove', event => {
    const box = canvas.getBoundingClientRect(), x = Math.min(across - 1, Math.floor((event.clientX - box.left) / box.width * across)), y = Math.min(down - 1, Math.floor((event.clientY - box.top) / box.height * down));
    canvas.title = `row ${y}, column ${x}: ${number(scale.low + values[y * across + x] / 255 * (scale.high - scale.low))}`;
  });
  return canvas;
}

// The way.
function drawWay() {
  const frame = data.frames[state.frame], last = frame.velocity === null;
  $('step').value = state.frame;
  const time = data.isText ? `σ = ${number(frame.time)}` : `t = ${number(frame.time)}`;
  $('where').textContent = `${frame.step} of ${data.steps}, ${time}`;
  $('step').setAttribute('aria-valuetext', `step ${frame.step}, ${time}`);
  $('state').src = frame.state;
  $('velocity').src = frame.velocity || frame.state;
  $('estimate').src = frame.estimate || frame.state;
  $('velocity').style.visibility = $('estimate').style.visibility = last ? 'hidden' : 'visible';
  $('stateText').textContent = `x, of which ${percent(frame.noise)} is noise${frame.step === 0 ? '' : frame.noise === 0 ? ': the picture' : ''}`;
  $('velocityText').textContent = last ? 'nothing follows' : `v, gray is 0, black −3, white 3; root mean square ${number(frame.speed)}`;
  $('estimateText').textContent = last ? 'the state is the picture' : `where v points to, ${data.isText ? 'x − σ·v' : 'x + (1 − t)·v'}; ${number(frame.distance)} from ${data.isPicture ? 'the picture' : 'the end'}`;
  drawCourse();
}
function drawCourse() {
  const frames = data.frames.filter(frame => frame.velocity !== null), width = 800, height = 190, left = 40, bottom = 165, top = 12;
  const most = Math.max(...frames.map(frame => Math.max(frame.distance || 0, frame.speed || 0)), 1e-9), x = step => left + step / data.steps * (width - left - 10), y = value => bottom - value / most * (bottom - top);
  const line = key => 'M' + frames.map(frame => `${x(frame.step).toFixed(1)} ${y(frame[key]).toFixed(1)}`).join('L');
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'The distance of the estimate and the size of the velocity over the steps' });
  for (const tick of [0, .5, 1]) svg.append(make('line', { class: 'axis', x1: left, x2: width - 10, y1: y(tick * most), y2: y(tick * most) }), make('text', { x: 4, y: y(tick * most) + 4 }, number(tick * most, 2)));
  for (const tick of [0, .25, .5, .75, 1]) svg.append(make('text', { x: x(tick * data.steps) - 6, y: height - 6 }, String(Math.round(tick * data.steps))));
  svg.append(make('path', { class: 'line two', d: line('speed') }), make('path', { class: 'line', d: line('distance') }));
  const now = data.frames[state.frame];
  svg.append(make('line', { class: 'now', x1: x(now.step), x2: x(now.step), y1: top, y2: bottom }));
  fill('course', svg);
  const half = frames.find(frame => frame.distance <= frames[0].distance / 2);
  $('courseText').textContent = `Over the steps: solid, how far the estimate still is from ${data.isPicture ? 'the picture' : 'what it becomes'}; dashed, the root mean square of the velocity.` + (half ? ` Half of the first distance is gone by step ${half.step} of ${data.steps}.` : '');
}

// Both passes.
function drawCondition() {
  const step = trace(), [conditional, unconditional, guided, difference] = step.velocities;
  const parts = [figure(picture(conditional, 'The velocity ' + passNames[0]), 'v', passNames[0]), figure(picture(unconditional, 'The velocity ' + passNames[1]), 'v', passNames[1]),
    figure(picture(difference, 'Their difference'), 'Difference', step.differs ? `first minus second, ${number(step.magnified, 2)} times as strong as the others` : 'none: both conditions are the same'),
    figure(picture(guided, 'The guided velocity'), 'Guided', data.guidance === 1 ? 'no guidance: the first alone' : step.guides ? `second + ${number(data.guidance)} · difference` : 'outside of the guidance interval: the first alone')];
  fill('velocities', ...parts);
  const stages = data.stages.map((stage, i) => ({ stage, i })).filter(({ stage }) => !isStep(stage) && !/^._embedder$/.test(stage.name)), width = 800, height = 246, left = 40, bottom = 150, top = 10;
  const of = i => step.statistics[i][8] || 0, most = Math.max(...stages.map(({ i }) => of(i)), 1e-9), wide = (width - left) / stages.length;
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'How far both passes are apart, by stage' });
  for (const tick of [0, .5, 1]) svg.append(make('line', { class: 'axis', x1: left, x2: width, y1: bottom - tick * (bottom - top), y2: bottom - tick * (bottom - top) }), make('text', { x: 0, y: bottom - tick * (bottom - top) + 4 }, percent(tick * most)));
  stages.forEach(({ stage, i }, at) => {
    const tall = of(i) / most * (bottom - top), x = left + at * wide, run = () => { state.stage = i; drawStages(); drawCondition(); };
    const bar = make('rect', { class: 'column' + (state.stage === i ? ' chosen' : ''), x: x + 1, y: bottom - tall, width: Math.max(1, wide - 3), height: Math.max(.5, tall), tabindex: 0, role: 'button', 'aria-label': `${stage.name}, ${percent(of(i))} apart`, on: { click: run, keydown: event => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); run(); } } } }, make('title', {}, `${stage.name}: ${percent(of(i))}`));
    svg.append(bar);
    if (wide > 14 || at % Math.ceil(14 / wide) === 0) svg.append(make('text', { transform: `translate(${x + wide / 2 + 3} ${bottom + 8}) rotate(60)` }, stage.name.replace('patch_blocks.', 'patch ').replace('pixel_blocks.', 'PiT ')));
  });
  fill('depth', svg);
}

// Stages.
const isStep = stage => stage.block !== null && !stage.isOutput || /\.(norm|modulation|modulated)$/.test(stage.name) || /^(patch_condition|pixel_condition|y_positions)$/.test(stage.name);
function drawStages() {
  const step = trace(), rows = [];
  // A block's row stands in front of its steps, which open behind it.
  for (let i = 0; i < data.stages.length; i++) {
    const stage = data.stages[i];
    if (stage.block !== null && (i === 0 || data.stages[i - 1].block !== stage.block)) {
      const inside = [];
      for (let j = i; j < data.stages.length && data.stages[j].block === stage.block; j++) inside.push(j);
      const steps = inside.filter(j => !data.stages[j].isOutput), outputs = inside.filter(j => data.stages[j].isOutput), open = state.open.has(stage.block);
      if (open) for (const j of steps) rows.push(row(j, step, 'step'));
      outputs.forEach((j, k) => rows.push(row(j, step, '', k === 0 ? make('button', { class: 'more', type: 'button', 'aria-expanded': open, on: { click: () => { if (open) state.open.delete(stage.block); else state.open.add(stage.block); drawStages(); } } }, open ? 'close' : `${steps.length} steps`) : null)));
      i = inside[inside.length - 1];
    } else rows.push(row(i, step, ''));
  }
  fill('stages', ...rows);
  drawStage();
}
function row(i, step, kind, more) {
  const stage = data.stages[i], [mean, rms, least, largest] = step.statistics[i], apart = step.statistics[i][8];
  const name = make('td', {}, make('button', { type: 'button', on: { click: () => { state.stage = i; drawStages(); drawCondition(); } } }, kind === 'step' ? stage.step : stage.name));
  if (more) name.append(more);
  const gauge = make('span', { class: 'gauge', 'aria-hidden': 'true' }, make('i', {}));
  gauge.firstChild.style.width = Math.min(100, 100 * (apart || 0)) + '%';
  return make('tr', { class: kind + (state.stage === i ? ' chosen' : '') }, name, make('td', {}, stage.shape.join(' × ')), ...[mean, rms, least, largest].map(value => make('td', {}, number(value))), make('td', {}, percent(apart), gauge));
}
function drawStage() {
  const stage = data.stages[state.stage], numbers = trace().statistics[state.stage], line = i => `mean ${number(numbers[i])}, root mean square ${number(numbers[i + 1])}, from ${number(numbers[i + 2])} to ${number(numbers[i + 3])}`;
  const list = make('dl', {});
  const say = (what, ...how) => list.append(make('dt', {}, what), make('dd', {}, ...how));
  say('Shape', stage.shape.join(' × ') + (stage.axes ? ` (${stage.axes})` : ''));
  if (stage.equation) say('Computed as', stage.equation);
  say(`Source, ${stage.file} line ${stage.line}`, make('pre', {}, stage.code));
  say(passNames[0], line(0));
  say(passNames[1], line(4));
  const parts = [make('h3', {}, stage.name), list], colours = trace().patchTokens.concat(trace().pixelTokens).find(tokens => tokens.stage === stage.name || tokens.stage + '.x' === stage.name);
  if (colours) parts.push(make('div', { class: 'four' }, ...colours.pictures.map((source, i) => figure(picture(source, `${stage.name} as colours, ${passNames[i]}`), passNames[i]))));
  fill('stage', ...parts);
}

// Tokens.
function drawTokens() {
  const strip = tokens => tokens.map(of => make('figure', {}, make('div', { class: 'passes' }, ...of.pictures.map((source, i) => picture(source, `${of.stage}, ${passNames[i]}`))), make('figcaption', {}, make('b', {}, of.stage.replace('patch_blocks.', 'block ').replace('pixel_blocks.', 'PiT block ')), ` directions hold ${share(of.shares)}`)));
  fill('patchTokens', make('p', { class: 'named' }, `Above ${passNames[0]}, below ${passNames[1]}.`), ...strip(trace().patchTokens));
  $('patchTokens').firstChild.style.gridColumn = '1 / -1';
  fill('pixelTokens', ...(data.level === 'none' ? [absent('This model has no pixel level: a linear head turns each patch token into the pixels of its patch.')] : strip(trace().pixelTokens)));
}

// A patch is chosen on a picture.
function picker(place) {
  const mark = make('span', { class: 'mark' }), box = $(place), x = () => state.patch % data.across, y = () => Math.floor(state.patch / data.across);
  box.replaceChildren(picture(tracedFrame().estimate, 'The estimate of the picture at this step'), mark);
  Object.assign(mark.style, { left: 100 * x() / data.across + '%', top: 100 * y() / data.down + '%', width: 100 / data.across + '%', height: 100 / data.down + '%' });
  box.tabIndex = 0;
  box.setAttribute('role', 'application');
  box.setAttribute('aria-label', `Choose a patch with the arrow keys; now row ${y()}, column ${x()}`);
  const go = (column, line) => { state.patch = Math.max(0, Math.min(data.down - 1, line)) * data.across + Math.max(0, Math.min(data.across - 1, column)); drawPatch(); };
  box.onclick = event => { const at = box.getBoundingClientRect(); go(Math.floor((event.clientX - at.left) / at.width * data.across), Math.floor((event.clientY - at.top) / at.height * data.down)); };
  box.onkeydown = event => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by) { event.preventDefault(); go(x() + by[0], y() + by[1]); }
  };
}
function drawPatch() { drawAttention(); drawCompaction(); }

// Attention.
function nearest(queries) {
  const x = state.patch % data.across, y = Math.floor(state.patch / data.across);
  let best = 0, least = Infinity;
  queries.forEach((query, i) => { const far = Math.hypot(query % data.across - x, Math.floor(query / data.across) - y); if (far < least) { least = far; best = i; } });
  return best;
}
function drawAttention() {
  const blocks = trace().attention;
  state.block = Math.min(state.block, blocks.length - 1);
  choose('attentionBlocks', blocks.map(block => block.stage.replace('patch_blocks.', 'patch block ').replace('pixel_blocks.', 'PiT block ')), state.block, i => { state.block = i; state.word = -1; drawAttention(); });
  picker('attentionPicker');
  const block = blocks[state.block], query = nearest(block.queries), keys = block.words + block.across * block.down, places = block.across * block.down, shown = block.queries[query];
  $('attentionText').textContent = `Patch in row ${Math.floor(shown / data.across)}, column ${shown % data.across}` + (shown === state.patch ? '' : ', the nearest one whose attention is in the page') + (block.across !== data.across ? ', asked for by the pixel in its middle' : '') + '.';
  const parts = [];
  block.weights.forEach((text, pass) => {
    const weights = unpack(text), largest = unpack(block.largest[pass], true), n = block.queries.length, names = pass === 0 ? data.words : data.nullWords;
    const weight = (head, q, key) => Math.pow(weights[(head * n + q) * keys + key] / 255, 2) * largest[head * n + q];
    parts.push(make('h3', {}, passNames[pass]));
    if (block.words > 0) parts.push(wordsOf(block, weight, query, names, pass));
    const heads = make('div', { class: 'heads' });
    for (let head = 0; head < block.heads; head++) {
      const canvas = make('canvas', { width: block.across, height: block.down, role: 'img', 'aria-label': `Head ${head}, ${passNames[pass]}` }), context = canvas.getContext('2d'), image = context.createImageData(block.across, block.down), heat = getComputedStyle(document.documentElement).getPropertyValue('--heat').split(',').map(Number);
      let words = 0;
      for (let key = 0; key < block.words; key++) words += weight(head, query, key);
      const paint = (place, strength) => image.data.set([heat[0], heat[1], heat[2], 255 * strength], 4 * place);
      let peak;
      if (state.word < 0 || block.words === 0) {
        let most = 0;
        for (let i = 0; i < places; i++) most = Math.max(most, weight(head, query, block.words + i));
        for (let i = 0; i < places; i++) paint(i, most ? weight(head, query, block.words + i) / most : 0);
        peak = most;
      } else {
        const seen = block.queries.map((_, q) => weight(head, q, state.word)), most = Math.max(...seen);
        peak = most;
        block.queries.forEach((patch, q) => paint(patch, most ? seen[q] / most : 0));
      }
      context.putImageData(image, 0, 0);
      const over = make('div', { class: 'over' }, picture(tracedFrame().estimate, ''), canvas);
      heads.append(figure(over, `head ${head}`, (state.word < 0 || block.words === 0 ? `at most ${percent(peak)}` : `at most ${percent(peak)} for the word`) + (block.words > 0 && state.word < 0 ? `, words ${percent(words)}` : '')));
    }
    parts.push(heads);
  });
  fill('heads', ...parts);
}
function wordsOf(block, weight, query, names, pass) {
  const list = make('div', { class: 'words', role: 'group', 'aria-label': 'Words of the text' }), all = [];
  for (let key = 0; key < block.words; key++) { let sum = 0; for (let head = 0; head < block.heads; head++) sum += weight(head, query, key) / block.heads; all.push(sum); }
  const most = Math.max(...all);
  all.forEach((sum, key) => {
    const name = names[key] || `state ${key}`, button = make('button', { type: 'button', class: /^<(padding|pad)>$/.test(name) ? 'padding' : '', 'aria-pressed': state.word === key, title: `${percent(sum)} of this patch's attention, the mean over heads`, on: { click: () => { state.word = state.word === key ? -1 : key; drawAttention(); } } }, name);
    button.style.setProperty('--weight', 100 * sum / most + '%');
    list.append(button);
  });
  return make('div', {}, pass > 0 ? '' : make('p', {}, state.word < 0 ? 'Words, each filled by how much of it the patch takes (mean over heads). Choose one to see which patches take it.' : 'The pictures show which patches take the chosen word. Choose it again to return to the patch.'), list);
}

// Modulation.
const partNames = ['patch', 'place', 'pixel'], partsSaid = parts => partNames.map((name, i) => `${name}\u00a0${percent(parts[i])}`).join(', ');
function partsOf(parts) {
  const bar = make('div', { class: 'parts', role: 'img', 'aria-label': partsSaid(parts) });
  partNames.forEach((name, i) => { const part = make('i', { class: name, title: `${name} ${percent(parts[i])}` }, parts[i] > .25 ? name : ''); part.style.flexGrow = parts[i]; bar.append(part); });
  return bar;
}
function drawModulation() {
  const blocks = trace().modulations;
  choose('modulationBlocks', blocks.map(block => block.stage.replace('pixel_blocks.', 'PiT block ')), state.modulated, i => { state.modulated = i; drawModulation(); });
  if (blocks.length === 0) { $('modulationChannels').hidden = true; fill('maps', absent('This model has no pixel level, so no pixel has a modulation.')); return; }
  const block = blocks[state.modulated], across = block.isOfPixels ? data.width : data.across, down = block.isOfPixels ? data.height : data.down;
  choose('modulationChannels', block.kinds[0].channels.map((_, i) => i === 0 ? 'that varies most' : `${i + 1}.`), state.channel, i => { state.channel = i; drawModulation(); });
  const parts = block.isOfPixels || data.patch === 1 ? [] : [absent('This model has patch-wise AdaLN: all pixels of a patch share one value, so that the first two columns are the same.')];
  for (const kind of block.kinds) {
    const channel = kind.channels[state.channel], scale = { low: channel.low, high: channel.high };
    const text = make('div', {}, make('h3', {}, kind.name), partsOf(channel.parts), make('p', {}, `Channel ${channel.channel} of ${data.sizes.d}: ${partsSaid(channel.parts)}. All channels together: ${partsSaid(kind.parts)}. Red and blue are ±\u00a0${number(channel.high, 2)}.`));
    parts.push(make('div', { class: 'kind' }, text,
      figure(map(channel.maps[0], across, down, `${kind.name} of every pixel`, scale), block.isOfPixels ? 'every pixel its own' : 'as the model has it', passNames[0]),
      figure(map(channel.means[0], data.across, data.down, `${kind.name}, one value a patch`, scale), 'one value a patch', 'the means'),
      figure(map(channel.maps[1], across, down, `${kind.name} ${passNames[1]}`, scale), block.isOfPixels ? 'every pixel its own' : 'as the model has it', passNames[1])));
  }
  fill('maps', ...parts);
}

// Compaction.
function crop(source, label) {
  const p = data.patch, canvas = make('canvas', { width: p, height: p, role: 'img', 'aria-label': label }), image = new Image();
  const x = state.patch % data.across * p, y = Math.floor(state.patch / data.across) * p;
  image.onload = () => canvas.getContext('2d').drawImage(image, x, y, p, p, 0, 0, p, p);
  image.src = source;
  return canvas;
}
function drawCompaction() {
  const blocks = trace().compactions, s = data.sizes;
  choose('compactionBlocks', blocks.map(block => block.stage.replace('pixel_blocks.', 'PiT block ')), state.compacted, i => { state.compacted = i; drawCompaction(); });
  if (blocks.length === 0) {
    fill('compactionIntro');
    fill('compacted', absent(data.level === 'none' ? 'This model has no pixel level, so nothing is compacted.' : 'This model has no compaction: attention runs over all pixels, each lifted to the width of attention.'));
    return;
  }
  $('compactionIntro').textContent = `Attention over all ${data.width * data.height} pixels would be too much. So the ${s.P} pixels of a patch, ${s.P} × ${s.d} = ${s.P * s.d} numbers, become one token of ${s.A}; the ${data.across * data.down} tokens attend to each other, and each is expanded to ${s.P * s.d} numbers again. The patch is the one that is chosen above.`;
  const block = blocks[state.compacted], places = { wide: Math.ceil(Math.sqrt(s.A * 1.5)) };
  const high = Math.ceil(s.A / places.wide), parts = [];
  for (const pass of [0, 1]) {
    const all = unpack(block.tokens[pass]), token = all.subarray(state.patch * s.A, (state.patch + 1) * s.A), strip = make('canvas', { width: places.wide, height: high, role: 'img', 'aria-label': `The token's ${s.A} numbers` }), context = strip.getContext('2d'), image = context.createImageData(places.wide, high);
    token.forEach((value, i) => { const c = colours[value]; image.data.set([c[0], c[1], c[2], 255], 4 * i); });
    context.putImageData(image, 0, 0);
    const p = { class: 'over picker' }, box = make('div', p, picture(block.before.pictures[pass], 'All pixels before compaction'), make('span', { class: 'mark' }));
    Object.assign(box.lastChild.style, { left: 100 * (state.patch % data.across) / data.across + '%', top: 100 * Math.floor(state.patch / data.across) / data.down + '%', width: 100 / data.across + '%', height: 100 / data.down + '%' });
    box.onclick = event => { const at = box.getBoundingClientRect(); state.patch = Math.floor((event.clientY - at.top) / at.height * data.down) * data.across + Math.floor((event.clientX - at.left) / at.width * data.across); drawPatch(); };
    parts.push(make('div', { class: 'pass' }, make('h3', {}, passNames[pass]),
      figure(box, 'All pixels, going in', `three directions as colours, which hold ${share(block.before.shares)}`),
      figure(crop(block.before.pictures[pass], 'The patch, going in'), `The patch's ${s.P} pixels`, 'as they go in'),
      figure(strip, 'One token', `its ${s.A} numbers, row after row, blue negative, red positive; ±\u00a0${number(block.high, 2)}`),
      figure(crop(block.behind.pictures[pass], 'The patch, coming back'), `${s.P} pixels again`, `as they are expanded from the token behind attention, in directions of their own, which hold ${share(block.behind.shares)}`),
      figure(picture(block.added.pictures[pass], 'What is added to all pixels'), 'All pixels, as added', `the same, each pixel modulated by its own gate, in directions that hold ${share(block.added.shares)}`)));
  }
  fill('compacted', ...parts);
}

// Controls.
function drawTraced() {
  choose('traced', data.traced.map(step => String(step.step)), state.traced, i => setTraced(i, true));
  drawCondition(); drawStages(); drawTokens(); drawModulation(); drawPatch();
}
function setTraced(i, moves) {
  state.traced = i;
  if (moves) { state.frame = data.frames.findIndex(frame => frame.step === trace().step); drawWay(); }
  drawTraced();
}
function setFrame(i) {
  state.frame = i;
  drawWay();
  const step = data.frames[i].step, far = data.traced.map(of => Math.abs(of.step - step)), best = far.indexOf(Math.min(...far));
  if (best !== state.traced) setTraced(best, false);
}
let playing = 0;
$('play').addEventListener('click', () => {
  const stop = () => { clearInterval(playing); playing = 0; $('play').textContent = 'Play'; };
  if (playing) { stop(); return; }
  if (state.frame === data.frames.length - 1) setFrame(0);
  $('play').textContent = 'Stop';
  playing = setInterval(() => { if (state.frame < data.frames.length - 1) setFrame(state.frame + 1); if (state.frame === data.frames.length - 1) stop(); }, 250);
});
$('step').max = data.frames.length - 1;
$('step').addEventListener('input', () => setFrame(Number($('step').value)));
for (const id of ['state', 'velocity', 'estimate']) { $(id).width = data.width; $(id).height = data.height; }
$('wayText').textContent = data.isPicture
  ? `The picture ${data.pictureName} noised to the times of the sampler's steps, always by the same noise; at each time the model says which way the picture lies. No step follows from another.`
  : `The sampler begins with noise and follows the model's velocity, a step at a time. Move the slider to go along.`;
fill('choice', ...data.holds.map(text => make('li', {}, text)));
state.patch = Math.floor(data.down / 2) * data.across + Math.floor(data.across / 2);
state.stage = Math.max(0, data.stages.findIndex(stage => stage.name === 's_embedder'));
state.traced = Math.floor(data.traced.length / 2);
setTraced(state.traced, true);
document.documentElement.dataset.ready = 'yes';
})();
