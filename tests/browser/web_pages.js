// The ways in which a web page can send a request. Each returns what the page could read of the answer, or "".
window.tries = {
  "fetch, GET": async (url) => (await fetch(url)).text(),
  "fetch, POST text/plain": async (url) => (await fetch(url, { method: "POST", body: "{}" })).text(),
  "fetch without CORS": async (url) => (await fetch(url, { method: "POST", mode: "no-cors", body: "{}" })).text(),
  "fetch with a preflight": async (url) =>
    (await fetch(url, { method: "POST", headers: { "X-Esaws-Token": "guess" }, body: "{}" })).text(),
  "form, urlencoded": (url) => inFrame((frame) => submit(frame, url, "application/x-www-form-urlencoded")),
  "form, text/plain": (url) => inFrame((frame) => submit(frame, url, "text/plain")),
  "frame": (url) => inFrame((frame) => (frame.src = url)),
  "image": (url) => loaded(new Image(), (image) => (image.src = url), (image) => (image.width ? "an image" : "")),
  "script": (url) =>
    loaded(document.createElement("script"), (script) => document.head.append(Object.assign(script, { src: url })), () => "a script"),
  "beacon": async (url) => {
    navigator.sendBeacon(url, "{}");
    return "";
  },
  "event source": (url) =>
    new Promise((resolve) => {
      const source = new EventSource(url);
      source.onmessage = (event) => resolve(event.data);
      source.onopen = () => resolve("a stream");
      source.onerror = () => {
        source.close();
        resolve("");
      };
    }),
  "WebSocket": (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url.replace("http", "ws"));
      socket.onopen = () => resolve("a socket");
      socket.onerror = () => resolve("");
    }),
};

window.attempt = async (name, url) => {
  try {
    return await Promise.race([window.tries[name](url), new Promise((resolve) => setTimeout(resolve, 5000, ""))]);
  } catch (error) {
    return "";
  }
};

function submit(frame, url, enctype) {
  const form = Object.assign(document.createElement("form"), { action: url, method: "POST", enctype, target: frame.name });
  form.append(Object.assign(document.createElement("input"), { name: "{}", value: "" }));
  document.body.append(form);
  form.submit();
}

function inFrame(start) {
  const frame = Object.assign(document.createElement("iframe"), { name: `frame${Math.random()}` });
  document.body.append(frame);
  return loaded(frame, start, () => {
    try {
      const text = frame.contentDocument.documentElement.textContent;
      return text.includes("Refused: ") ? "" : text;
    } catch (error) {
      return "";
    }
  });
}

function loaded(element, start, read) {
  return new Promise((resolve) => {
    element.onload = () => resolve(read(element));
    element.onerror = () => resolve("");
    start(element);
  });
}
