// What a reader would see: pictures that are empty, output that is cut, text that is hard to read.
(() => {
  const panel = () => window.jupyterapp.shell.currentWidget;
  const scroller = () => panel().node.querySelector(".jp-WindowedPanel-outer");
  const shown = (node) => node.getClientRects().length > 0;

  function luminance([red, green, blue]) {
    const linear = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  }

  function color(text) {
    const parts = (text.match(/[\d.]+/g) || []).map(Number);
    const scale = text.startsWith("color(") ? 255 : 1;
    return [parts[0] * scale, parts[1] * scale, parts[2] * scale, parts[3] ?? 1];
  }

  function background(node) {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const layer = color(getComputedStyle(at).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] >= 1) break;
    }
    let below = [255, 255, 255];
    for (const layer of layers.reverse()) below = below.map((value, i) => layer[i] * layer[3] + value * (1 - layer[3]));
    return below;
  }

  function contrast(node) {
    const below = background(node);
    const [red, green, blue, alpha] = color(getComputedStyle(node).color);
    const above = [red, green, blue].map((value, i) => value * alpha + below[i] * (1 - alpha));
    const [high, low] = [luminance(above), luminance(below)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  }

  function faults(cell) {
    const found = [];
    for (const image of cell.querySelectorAll("img")) {
      if (!image.naturalWidth) found.push(`the picture ${image.alt || image.src.slice(0, 60)} is empty`);
      if (!image.alt && image.closest(".jp-MarkdownOutput")) found.push(`${image.src} has no alternative text`);
    }
    for (const output of cell.querySelectorAll(".jp-OutputArea-output, .jp-MarkdownOutput")) {
      const box = output.getBoundingClientRect();
      for (const wide of output.querySelectorAll("table, img, svg, pre")) {
        const more = Math.round(wide.getBoundingClientRect().right - box.right);
        if (shown(wide) && more > 1) found.push(`${wide.tagName.toLowerCase()} is ${more} px wider than the page`);
      }
      const walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
      const pale = new Set();
      while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        const text = walker.currentNode.textContent.trim();
        if (!text || !shown(parent) || parent.closest("svg, style, script, .jp-RenderedLatex")) continue;
        const ratio = contrast(parent);
        if (ratio < 4.5) pale.add(`${ratio.toFixed(1)}:1 contrast of "${text.slice(0, 30)}"`);
      }
      found.push(...[...pale].slice(0, 3));
    }
    return [...new Set(found)];
  }

  window.esawsLook = {
    settled: () => [...panel().node.querySelectorAll("img")].every((image) => image.complete),
    cells: () => panel().content.widgets.filter((cell) => cell.isAttached && shown(cell.node)).map((cell) => ({
      id: cell.model.id,
      pictures: [...cell.node.querySelectorAll("img, .jp-RenderedSVG svg")].filter(shown).length,
      faults: faults(cell.node),
    })),
    nextPage: () => {
      const outer = scroller();
      outer.scrollBy(0, outer.clientHeight - 40);
      return outer.scrollTop;
    },
  };
  scroller().scrollTo(0, 0);
})();
