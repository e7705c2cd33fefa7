// The order of search results: headings that are what was typed first, then pages to learn from before references.
var Scorer = {
  score: ([page, title, , , score]) => {
    const words = (new URLSearchParams(window.location.search).get("q") || "").trim().toLowerCase();
    const heading = title.split(" > ").pop().toLowerCase();
    const match = heading === words ? 60 : heading.includes(words) ? 25 : 0;
    const kind = /^(docs\/(api\/|adr\/|fidelity|json)|CHANGELOG|CONTRIBUTING|benchmarks)/.test(page) ? -12 : /^notebooks\/labs\/./.test(page) ? -4 : 0;
    return score + match + kind;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
