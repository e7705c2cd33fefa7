// Calls the APIs below this page's own address: the load balancer forwards them by their paths.
"use strict";

const SITES = "sites-management-api/sites";
const INTRUSIONS = "intrusion-management-api/intrusions";
const SECONDS = 5;
const LATEST = 12;

const at = (id) => document.getElementById(id);
const answers = new Map();

function element(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function count(response) {
  const server = response.headers.get("X-Served-By") || "the load balancer itself";
  answers.set(server, (answers.get(server) || 0) + 1);
  const rows = [...answers].sort(([one], [other]) => one.localeCompare(other));
  at("answers-rows").replaceChildren(...rows.map(([server, number]) => {
    const [service, task, zone] = server.startsWith("the ") ? [server, "", ""] : server.split(" ");
    const cells = [element("th", { scope: "row", textContent: service })];
    cells.push(...[task, zone].map((text) => element("td", { textContent: text || "–" })));
    cells.push(element("td", { className: "number", textContent: number }));
    return element("tr", {}, cells);
  }));
  return server.replace(/^\S+ (\S+) (\S+)$/, (_, task, zone) => `${task.slice(0, 8)} in ${zone}`);
}

async function call(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  const server = count(response);
  const text = await response.text();
  let content = {};
  try {
    content = text ? JSON.parse(text) : {};
  } catch {
    content = { error: text.replace(/<[^>]*>/g, " ").trim().slice(0, 200) };
  }
  if (!response.ok) {
    throw Object.assign(new Error(`${response.status}: ${content.error || response.statusText}`), { server });
  }
  return { content, server };
}

async function show(name, path, render, most = Infinity) {
  try {
    const { content, server } = await call("GET", path);
    const items = content[name].slice(0, most);
    at(`${name}-server`).textContent = server;
    const all = content[name].length;
    at(`${name}-count`).textContent = all > most ? `(the latest ${most})` : `(${all})`;
    at(`${name}-empty`).hidden = items.length > 0;
    at(`${name}-error`).hidden = true;
    update(at(`${name}-list`), items, render);
  } catch (error) {
    at(`${name}-server`).textContent = error.server || "nothing";
    report(at(`${name}-error`), error);
  }
}

function report(box, error) {
  const text = error instanceof TypeError ? "Nothing answers at this address." : error.message;
  if (box.hidden || box.textContent !== text) box.textContent = text; // a screen reader reads it once
  box.hidden = false;
}

// Only what has changed is replaced, so that the focus and running clips stay.
function update(list, items, render) {
  const before = new Map([...list.children].map((child) => [child.dataset.content, child]));
  const wanted = items.map((item) => {
    const content = JSON.stringify(item);
    const child = before.get(content) || render(item);
    child.dataset.content = content;
    return child;
  });
  for (const child of [...list.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((child, index) => {
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] || null);
  });
}

function site(item) {
  const devices = item.buildings.flatMap((building) => building.devices.map((device) => device.name));
  const remove = element("button", { type: "button", textContent: "Delete" });
  remove.setAttribute("aria-label", `Delete site ${item.name}`);
  remove.addEventListener("click", async () => {
    remove.disabled = true;
    try {
      await call("DELETE", `${SITES}/${item.id}`);
      at("add-result").textContent = `${item.name} was deleted.`;
    } catch (error) {
      report(at("sites-error"), error);
      remove.disabled = false;
    }
    refresh();
  });
  return element("li", {}, [
    element("div", {}, [
      element("strong", { textContent: item.name }),
      element("p", { textContent: `${item.owner} · ${item.address}` }),
      element("p", { textContent: devices.length ? `Cameras: ${devices.join(", ")}` : "No cameras" }),
    ]),
    remove,
  ]);
}

function intrusion(item) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const clip = item.clip && !still
    ? element("img", {
      className: "clip", src: `${INTRUSIONS}/${item.id}/clip`, loading: "lazy",
      alt: `Clip of ${item.camera} at ${item.site}`,
    })
    : element("span", { className: "clip", textContent: item.clip ? "Clip (motion is reduced)" : "No clip" });
  const time = new Date(item.time);
  return element("li", {}, [
    clip,
    element("div", {}, [
      element("strong", { textContent: item.site }),
      element("p", { textContent: `${item.camera}, ${Math.round(item.confidence * 100)} % sure` }),
      element("p", {}, [element("time", { dateTime: item.time, textContent: time.toLocaleString() })]),
    ]),
  ]);
}

async function page() {
  try {
    at("page-server").textContent = count(await fetch("icon.svg", { method: "HEAD", cache: "no-store" }));
  } catch {
    at("page-server").textContent = "nothing";
  }
}

let running = null;
function refresh() {
  running ||= Promise.all([
    page(),
    show("sites", SITES, site),
    show("intrusions", INTRUSIONS, intrusion, LATEST),
  ]).finally(() => { running = null; });
  return running;
}

at("add-site").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = Object.fromEntries(new FormData(form));
  const devices = fields.cameras.split(",").map((name) => name.trim()).filter(Boolean)
    .map((name) => ({ name, kind: "camera" }));
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const { content, server } = await call("POST", SITES, {
      owner: fields.owner, name: fields.name, address: fields.address,
      buildings: devices.length ? [{ name: "main building", devices }] : [],
    });
    at("add-result").textContent = `${content.name} was added by ${server}.`;
    form.reset();
  } catch (error) {
    at("add-result").textContent = `It was not added: ${error instanceof TypeError ? "nothing answers" : error.message}`;
  }
  button.disabled = false;
  refresh();
});

let timer = setInterval(refresh, SECONDS * 1000);
at("refresh").addEventListener("click", ({ target }) => {
  clearInterval(timer);
  timer = timer ? null : setInterval(refresh, SECONDS * 1000);
  target.setAttribute("aria-pressed", String(Boolean(timer)));
  target.textContent = timer ? `Refreshing every ${SECONDS} s` : "Refreshing is paused";
  if (timer) refresh();
});

refresh();
