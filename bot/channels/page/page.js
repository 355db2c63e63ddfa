/* Lets the conversation go on without loading the page anew.

   It sends the forms the page already has and draws the bubbles that come back; it knows no question
   and no rule. Where it does not run, the same forms bring the same conversation as whole pages.

   One thing is under way at a time. It keeps its token until its answer has come, however often it
   is sent, because the server answers a token it has seen with the answer it gave. */

const RETRIES = 5;
const PATIENCE = 20000; // milliseconds until a request counts as lost
const PAUSE = 400; // milliseconds before "yazıyor": a quick answer should not flicker
const LONGEST_WAIT = 60; // seconds, whatever Retry-After says
const LOOK_EVERY = 10000; // milliseconds between two looks for notices
const SELDOMEST = 300000; // the same after several failures in a row

const byId = (id) => document.getElementById(id);
const log = byId("log");
const composer = byId("composer");
const field = byId("text");
const trouble = byId("trouble");
const typing = byId("typing");
const touch = matchMedia("(pointer: coarse)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let token = composer.elements.message.value;
let underway = null; // {name, value, message}: said, and not answered yet
let stuck = false; // underway was given up and waits for the person to send it again
let known = "known" in log.dataset; // the server has met this visitor

/* --- drawing --- */

function fill(place, ...content) {
  place.textContent = "";
  place.append(...content);
}

const clone = (id) => byId(id).content.cloneNode(true);

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function drawPair(key, value) {
  const drawn = element("p", "line pair");
  drawn.append(element("span", "key", key), " ", element("span", "value", value));
  return drawn;
}

/* A pair is a name and its value, not a sentence with a colon in it. page.html draws the same. */
function drawPlain(line) {
  if (line.startsWith("✓ ")) return element("p", "line done", line);
  const colon = line.indexOf(": ");
  const value = line.slice(colon + 2);
  const short = colon > 0 && colon <= 30 && value.length <= 60;
  const pair = short && /[^.?!:]$/.test(value) && !line.startsWith("•");
  return pair ? drawPair(line.slice(0, colon + 1), value) : element("p", "line", line);
}

function drawWay(progress) {
  const way = element("progress", "way");
  way.value = progress.step;
  way.max = progress.of;
  way.setAttribute("aria-hidden", "true");
  return way;
}

function drawLine(line, progress) {
  if (progress && line.startsWith(`${progress.step}/${progress.of} `)) {
    return [element("p", "line step", line), drawWay(progress)];
  }
  return [drawPlain(line)];
}

function drawWords(text, progress) {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    if (!line.trim()) return [];
    const drawn = drawLine(line, progress);
    if (index > 0 && !lines[index - 1].trim()) drawn[0].classList.add("gap");
    return drawn;
  });
}

function drawChoices(buttons) {
  const form = clone("choices").firstElementChild;
  const sample = form.querySelector("button");
  for (const { label, data, style } of buttons) {
    const button = sample.cloneNode();
    button.textContent = label;
    button.value = data;
    if (style) button.classList.add(style);
    form.append(button);
  }
  sample.remove();
  form.classList.toggle("many", buttons.length > 4);
  return form;
}

function drawFile({ name, href }) {
  const link = element("a", "file", name);
  link.download = name;
  link.href = href;
  return link;
}

function show({ who, text, progress, buttons, file }) {
  const bubble = clone(who).firstElementChild;
  bubble.querySelector(".words").append(...drawWords(text, progress));
  if (file) bubble.append(drawFile(file));
  if (buttons && buttons.length) bubble.append(drawChoices(buttons));
  log.append(bubble);
  return bubble;
}

function retireChoices() {
  for (const button of log.querySelectorAll("button")) button.disabled = true;
  for (const form of log.querySelectorAll(".choices")) form.classList.add("past");
}

/* The first new bubble matters most; the end gives way if not all of it fits. */
function reveal(first, last) {
  document.documentElement.style.setProperty("--bar", `${composer.offsetHeight}px`);
  const room = innerHeight - composer.offsetHeight;
  const tall = last.getBoundingClientRect().bottom - first.getBoundingClientRect().top > room;
  const behavior = still.matches ? "auto" : "smooth";
  if (tall) first.scrollIntoView({ block: "start", behavior });
  else last.scrollIntoView({ block: "end", behavior });
}

/* --- saying what goes on --- */

let typingSoon = 0;

function showTyping() {
  typingSoon = setTimeout(() => {
    fill(typing, clone("waiting"));
    reveal(log.lastElementChild, typing);
  }, PAUSE);
}

function warn(id) {
  fill(trouble, clone(id));
  reveal(log.lastElementChild, log.lastElementChild);
}

function hideTyping() {
  clearTimeout(typingSoon);
  fill(typing);
}

/* On a touch screen the keyboard would cover the buttons. */
function focusNext(bubble, hasButtons) {
  if (touch.matches && hasButtons) bubble.focus({ preventScroll: true });
  else field.focus({ preventScroll: true });
}

/* --- the exchange --- */

async function request(where, body, options) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  const headers = { Accept: "application/json" };
  try {
    const all = { method: "POST", headers, body, signal: patience.signal, ...options };
    return await fetch(where, all);
  } finally {
    clearTimeout(timer);
  }
}

const post = (fields) => request(composer.action, new URLSearchParams(fields));

const isBusy = (response) => response.status === 503 || response.status === 429;

function pause(response) {
  const asked = Number(response.headers.get("Retry-After")) || 5;
  const seconds = Math.min(Math.max(asked, 1), LONGEST_WAIT);
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function ask({ name, value, message }) {
  const fields = { [name]: value, message };
  let response = await post(fields);
  for (let again = 0; isBusy(response) && again < RETRIES; again += 1) {
    warn("busy");
    await pause(response);
    response = await post(fields);
  }
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

function take({ messages, token: next, input, lang }) {
  underway = null;
  if (!known) meet();
  // The page's own words are the server's: another language needs another page.
  if (lang !== document.documentElement.lang) return location.reload();
  token = next;
  composer.elements.message.value = next;
  field.inputMode = input.mode;
  field.autocomplete = input.autocomplete;
  field.autocapitalize = input.mode === "email" ? "none" : "words";
  const bubbles = messages.map(show);
  if (!bubbles.length) return field.focus();
  const last = bubbles[bubbles.length - 1];
  focusNext(last, Boolean(last.querySelector("button")));
  return reveal(bubbles[0], last);
}

function giveUp() {
  stuck = true;
  warn("offline");
  const resend = trouble.querySelector("button");
  resend.addEventListener("click", deliver);
  if (document.activeElement === document.body) resend.focus({ preventScroll: true });
}

async function deliver() {
  stuck = false;
  fill(trouble);
  showTyping();
  try {
    const answer = await ask(underway);
    fill(trouble);
    hideTyping();
    take(answer);
  } catch {
    hideTyping();
    giveUp();
  }
}

function say(name, value, shown) {
  underway = { name, value, message: token };
  retireChoices();
  const own = show({ who: "you", text: shown });
  reveal(own, own);
  deliver();
}

/* --- notices ---

   What the person should know without having asked, fetched while they look. A notice counts as shown
   once the server has been told so; until then it comes again, so those drawn are remembered. */

const drawn = new Set();
let shown = composer.elements.shown.value.split(" ").filter(Boolean).map(Number);
let looking = false;
let lookAgain = 0;
let pauseOfLooks = LOOK_EVERY;

function drawNotices(messages, ids) {
  const bubbles = messages.filter((_, place) => !drawn.has(ids[place])).map(show);
  for (const bubble of bubbles) bubble.classList.add("notice");
  for (const id of ids) drawn.add(id);
  if (bubbles.length) reveal(bubbles[0], bubbles[bubbles.length - 1]);
}

/* keepalive: what is said on leaving the page still arrives. */
async function fetchNotices() {
  const told = shown;
  const body = JSON.stringify({ confirm: told });
  const response = await request(log.dataset.mail, body, { keepalive: true });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const { messages, ids } = await response.json();
  shown = ids;
  drawNotices(messages, ids);
  if (ids.length) await fetchNotices();
}

async function look() {
  if (looking) return;
  clearTimeout(lookAgain);
  looking = true;
  try {
    if (known && !document.hidden) await fetchNotices();
    pauseOfLooks = LOOK_EVERY;
  } catch {
    pauseOfLooks = Math.min(pauseOfLooks * 3, SELDOMEST);
  }
  looking = false;
  lookAgain = setTimeout(look, pauseOfLooks);
}

function meet() {
  known = true;
  look();
}

/* Back at the page. A server in trouble is left its rest. */
function lookNow() {
  if (pauseOfLooks === LOOK_EVERY) look();
}

document.addEventListener("visibilitychange", lookNow);
addEventListener("focus", lookNow);
look();

/* --- what the person does --- */

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (stuck) deliver();
  const text = field.value.trim();
  if (underway || !text) return;
  field.value = "";
  say("text", text, text);
});

log.addEventListener("submit", (event) => event.preventDefault());

log.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=pick]");
  if (button && !underway) say("pick", button.value, button.textContent);
});

addEventListener("online", () => {
  if (stuck) deliver();
});

/* Back after "Bitir ve çık" must not bring the conversation back from the browser's memory. */
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
