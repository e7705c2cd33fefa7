// What a reader would see of a page: pictures that are empty or not described, and what is wider than the window.
(() => {
  const shown = (node) => node.getClientRects().length > 0;

  function pictureFaults() {
    const found = [];
    for (const image of document.images) {
      const name = image.getAttribute("src").slice(-60);
      if (!image.complete || !image.naturalWidth) found.push(`the picture ${name} is empty`);
      if (!image.alt.trim() && image.getAttribute("role") !== "presentation") found.push(`the picture ${name} has no alternative text`);
    }
    return found;
  }

  function overflowFaults() {
    const wide = document.documentElement.clientWidth;
    const more = document.documentElement.scrollWidth - wide;
    if (more <= 1) return [];
    const culprits = [...document.querySelectorAll("main *")].filter((node) => {
      if (!shown(node) || node.getBoundingClientRect().right <= wide + 1) return false;
      for (let at = node.parentElement; at; at = at.parentElement) if (getComputedStyle(at).overflowX !== "visible") return false;
      return true;
    });
    const names = culprits.slice(0, 2).map((node) => `${node.tagName.toLowerCase()} "${node.textContent.trim().slice(0, 40)}"`);
    return [`the page is ${more} px wider than the window: ${names.join(", ")}`];
  }

  window.siteLook = {
    openAll: () => document.querySelectorAll(".bd-article details").forEach((node) => (node.open = true)),
    settled: () => [...document.images].every((image) => image.complete),
    pictures: () => document.images.length,
    faults: () => [...pictureFaults(), ...overflowFaults()],
    overflow: overflowFaults,
    accessibility: async (rules) => {
      const options = rules ? { runOnly: { type: "rule", values: rules } } : { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] };
      const { violations } = await window.axe.run(document, { ...options, resultTypes: ["violations"], preload: false });
      return violations.flatMap(({ id, nodes }) =>
        nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 90)} (${(node.any[0] || node.all[0] || node.none[0] || {}).message || ""})`)
      );
    },
  };
})();
