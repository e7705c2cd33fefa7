// Tips of the glossary, and keyboard access to what scrolls sideways.
(() => {
  "use strict";
  const terms = window.glossaryTerms || {};
  const tip = Object.assign(document.createElement("div"), { id: "term-tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  let owner = null;
  let waiting = 0;

  function anchorOf(link) {
    const found = /(?:^|\/)docs\/glossary\.html#(.+)$/.exec(link.href);
    return found && decodeURIComponent(found[1]);
  }

  function show(link) {
    clearTimeout(waiting);
    if (owner === link && !tip.hidden) return;
    hide();
    const { term, text } = terms[anchorOf(link)];
    tip.replaceChildren(Object.assign(document.createElement("strong"), { textContent: term }), text);
    tip.hidden = false;
    owner = link;
    link.setAttribute("aria-describedby", tip.id);
    const box = link.getClientRects()[0];
    const left = Math.max(12, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 12));
    const below = box.bottom + 6 + tip.offsetHeight < window.innerHeight || box.top < tip.offsetHeight + 6;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${(below ? box.bottom + 6 : box.top - tip.offsetHeight - 6) + window.scrollY}px`;
  }

  function hide() {
    clearTimeout(waiting);
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  }

  function hideSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(hide, 250); // time to move the pointer onto the tip
  }

  function describeTerms() {
    document.body.append(tip);
    for (const link of document.querySelectorAll(".bd-article a[href*='glossary.html#']")) {
      if (!terms[anchorOf(link)]) continue;
      link.classList.add("term");
      link.addEventListener("mouseenter", () => show(link));
      link.addEventListener("mouseleave", hideSoon);
      link.addEventListener("focus", () => show(link));
      link.addEventListener("blur", hide);
    }
    tip.addEventListener("mouseenter", () => clearTimeout(waiting));
    tip.addEventListener("mouseleave", hideSoon);
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  }

  function reachByKeyboard() {
    const boxes = ".bd-article pre, .pst-scrollable-table-container, .bd-article .output";
    for (const box of document.querySelectorAll(boxes)) {
      const scrolls = box.scrollWidth > box.clientWidth;
      if (scrolls) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  // The theme and MyST-NB give these no name, or another one than is shown.
  function nameDisclosures() {
    for (const summary of document.querySelectorAll(".bd-sidebar-primary summary")) {
      const parent = summary.closest("li").querySelector("a");
      summary.setAttribute("aria-label", `Pages below ${parent.textContent.trim()}`);
    }
    for (const summary of document.querySelectorAll("details.hide > summary")) summary.removeAttribute("aria-label");
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameDisclosures();
    describeTerms();
    reachByKeyboard();
    window.addEventListener("resize", reachByKeyboard);
    document.addEventListener("toggle", reachByKeyboard, true);
  });
})();
