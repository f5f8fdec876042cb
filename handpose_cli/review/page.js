"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const words = flag => data.words[flag] || flag;
const count = n => n.toLocaleString("en");
const share = (n, of) => of ? ` (${(100 * n / of).toFixed(n && n / of < .1 ? 1 : 0)} %)` : "";

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "rect", "polyline", "title", "g"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function table(rows) {
  return element("table", {}, ...rows.map(row => element("tr", {}, ...row.map(cell => element("td", {}, cell)))));
}

// === what there is ===

const cards = [[data.hands, "hands"], [data.images, "images"], [data.videos, "videos"], [data.frames, "frames"],
  [data.flagged, "hands in doubt" + share(data.flagged, data.hands), true], [data.failures, "failures", true]];
for (const [number, what, warn] of cards) {
  if (number || what === "hands" || what === "failures")
    at("cards").append(element("div", {class: warn && number ? "card warn" : "card"},
      element("b", {}, count(number)), element("small", {}, what)));
}
if (data.seconds !== null)
  at("cards").append(element("div", {class: "card"}, element("b", {}, count(data.seconds) + " s"), element("small", {}, "time")));

const most = Math.max(1, ...Object.values(data.flags));
for (const [flag, number] of Object.entries(data.flags)) {
  at("flags").append(element("button", {class: "flag", title: "show these", onclick: () => {
    at("by-flag").value = flag; filter(); at("gallery").scrollIntoView();
  }}, element("span", {}, words(flag)), element("i", {style: `width:${100 * number / most}%`}), element("span", {}, count(number))));
}
at("doubt-note").textContent = data.flagged
  ? `${count(data.flagged)} of ${count(data.hands)} hands${share(data.flagged, data.hands)} have one or more.` : "None was found.";

at("failures").hidden = !data.failures;
if (data.failures) {
  at("failed").append(table(data.failed));
  if (data.failures > data.failed.length)
    at("failed").append(element("p", {}, `and ${count(data.failures - data.failed.length)} more`));
}

at("charts").hidden = !data.histograms.length;
for (const {title, labels, counts} of data.histograms) {
  const top = Math.max(...counts), all = counts.reduce((a, b) => a + b, 0);
  at("histograms").append(element("figure", {}, element("figcaption", {}, title),
    element("div", {class: "bars"}, ...counts.map((n, i) =>
      element("div", {style: `height:${n ? Math.max(100 * n / top, 2) : 0}%`, title: `${labels[i]}: ${count(n)}${share(n, all)}`}))),
    element("div", {class: "ends"}, ...(labels.length <= 3 ? labels.map((label, i) => `${label} ${count(counts[i])}`)
      : [labels[0], `most: ${count(top)}`, labels[labels.length - 1]]).map(text => element("span", {}, text)))));
}

// === videos ===

at("videos").hidden = !data.timelines.length;
for (const video of data.timelines) {
  const bins = video.hands.length, top = Math.max(1, ...video.hands), lane = 6, rows = video.tracks.length;
  const svg = element("svg", {viewBox: `0 0 ${bins} ${44 + lane * rows}`, preserveAspectRatio: "none",
    style: `height:${88 + 2 * lane * rows}px`});
  video.hands.forEach((hands, i) => {
    const height = 40 * hands / top, doubtful = 40 * video.doubtful[i] / top;
    if (hands === 0) svg.append(element("rect", {class: "none", x: i, y: 0, width: 1.02, height: 40}));
    svg.append(element("rect", {class: "hands", x: i, y: 40 - height, width: 1.02, height}));
    if (doubtful) svg.append(element("rect", {class: "doubtful", x: i, y: 40 - doubtful, width: 1.02, height: doubtful}));
  });
  let line = [];
  const draw = () => { if (line.length > 1) svg.append(element("polyline", {points: line.join(" ")})); line = []; };
  video.scores.forEach((score, i) => score === null ? draw() : line.push(`${i + .5},${40 - 38 * score}`));
  draw();
  video.tracks.forEach(([, parts], row) => {
    for (const [first, last] of parts) {
      const x = first * bins / video.frames, width = (last + 1 - first) * bins / video.frames;
      svg.append(element("rect", {class: "track", x, y: 44 + lane * row, width, height: lane - 2}));
    }
  });
  const time = t => t === null || t === undefined ? "" : `${t.toFixed(2)} s`;
  const gaps = video.without ? `, ${count(video.without)} without a hand` : "";
  const tracks = video.track_count ? `, ${count(video.track_count)} track${video.track_count > 1 ? "s" : ""}` : "";
  at("timelines").append(element("figure", {class: "timeline"},
    element("figcaption", {}, `${video.file}: ${count(video.frames)} frames${gaps}${tracks}`
      + (video.track_count > rows ? ` (the first ${rows} are drawn)` : "")),
    svg, element("div", {class: "ends"}, element("span", {}, time(video.times[0])), element("span", {}, time(video.times[1])))));
}
if (data.timelines_left_out) at("timelines").append(element("p", {}, `and ${count(data.timelines_left_out)} more videos`));

// === the gallery ===

const [doubtful, random] = data.most;
at("gallery-note").textContent = `The ${count(doubtful)} most doubtful hands, the worst first`
  + (data.videos ? " (of a track one a second)" : "") + (random ? `, then ${count(random)} of the others at random.` : ".")
  + (data.without_picture ? ` ${count(data.without_picture)} of their images could not be found or read.` : "");
at("by-flag").append(element("option", {value: ""}, "any"), element("option", {value: "-"}, "none"),
  ...Object.keys(data.flags).map(flag => element("option", {value: flag}, words(flag))));

const flagged = new Map();  // entry -> note
let visible = [], current = -1;

function caption(entry) {
  const parts = [];
  if (entry.score !== undefined) parts.push(`score ${entry.score.toFixed(2)}`);
  if (entry.joints !== undefined) parts.push(`joints ${entry.joints.toFixed(2)}`);
  if (entry.side) parts.push(entry.side);
  if (entry.track !== undefined) parts.push(`track ${entry.track}`);
  parts.push(`${entry.size} px`);
  return parts.join(", ");
}

for (const entry of data.shown) {
  const where = entry.file + (entry.frame === undefined ? "" : `, frame ${entry.frame}`) + `, hand ${entry.hand}`;
  const picture = entry.picture
    ? element("img", {src: "data:image/jpeg;base64," + entry.picture, alt: where, loading: "lazy", width: 200, height: 200})
    : element("div", {class: "nothing"}, "no picture");
  entry.note = element("input", {placeholder: "note", "aria-label": "note", hidden: "", oninput: () => {
    flagged.set(entry, entry.note.value); update();
  }, onkeydown: event => {
    if (event.key === "Enter" || event.key === "Escape") entry.note.blur();
    event.stopPropagation();
  }});
  entry.card = element("figure", {class: "hand", onclick: () => select(visible.indexOf(entry))}, picture,
    element("div", {class: "why"}, (entry.flags || []).map(words).join("; ")), element("div", {}, caption(entry)),
    element("div", {class: "where"}, where), entry.note);
  at("grid").append(entry.card);
}

function fits(entry) {
  const flag = at("by-flag").value, side = at("by-side").value, score = at("by-score").value;
  const flags = entry.flags || [];
  if (flag === "-" ? flags.length : flag && !flags.includes(flag)) return false;
  if (side && (entry.side || "unknown") !== side) return false;
  return score === "" || Number(score) >= 1 || (entry.score !== undefined && entry.score <= Number(score));
}

function filter() {
  visible = data.shown.filter(fits);
  for (const entry of data.shown) entry.card.hidden = true;
  for (const entry of visible) entry.card.hidden = false;
  at("count").textContent = `${count(visible.length)} of ${count(data.shown.length)} shown`;
  select(-1);
}

function select(number) {
  for (const entry of data.shown) entry.card.classList.remove("current");
  current = Math.max(-1, Math.min(number, visible.length - 1));
  if (current < 0) return;
  visible[current].card.classList.add("current");
  visible[current].card.scrollIntoView({block: "nearest"});
}

function update() {
  for (const entry of data.shown) {
    entry.card.classList.toggle("flagged", flagged.has(entry));
    entry.note.hidden = !flagged.has(entry);
  }
  at("download").disabled = !flagged.size;
  at("download").textContent = `Save the flagged list (${flagged.size})`;
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const entry = visible[current];
  if (event.key === "ArrowRight" || event.key === "j") select(current + 1);
  else if (event.key === "ArrowLeft" || event.key === "k") select(Math.max(0, current - 1));
  else if (event.key === "f" && entry) {
    if (flagged.has(entry)) flagged.delete(entry); else flagged.set(entry, entry.note.value);
    update();
  } else if (event.key === "n" && entry) {
    if (!flagged.has(entry)) flagged.set(entry, entry.note.value);
    update(); entry.note.focus();
  } else return;
  event.preventDefault();
});

at("download").addEventListener("click", () => {
  const list = data.shown.filter(entry => flagged.has(entry)).map(entry => (
    {file: entry.file, frame: entry.frame === undefined ? null : entry.frame, hand: entry.hand, note: flagged.get(entry)}));
  const url = URL.createObjectURL(new Blob([JSON.stringify(list, null, 1) + "\n"], {type: "application/json"}));
  element("a", {href: url, download: "flagged.json"}).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});

for (const id of ["by-flag", "by-side", "by-score"]) at(id).addEventListener("input", filter);
at("made").hidden = !data.settings.length;
at("settings").append(table(data.settings));
filter();
