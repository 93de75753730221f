// The topology page: what is not near to what one looks at, or not what one looks for, fades.
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const graph = document.getElementById("graph");
  const filter = document.getElementById("filter");
  if (location.protocol === "file:") document.getElementById("by").remove();
  if (!graph) { filter.remove(); return; }

  const nodes = all("#graph [data-node]");
  const flows = all("[data-from]");
  const words = new Map(nodes.map((node) => [node.dataset.node, node.textContent.toLowerCase()]));

  // Fades all flows but those that `near` keeps, and all nodes but their ends.
  const show = (near) => {
    const ends = new Set();
    for (const flow of flows) {
      const keep = !near || near(flow);
      flow.classList.toggle("far", !keep);
      if (keep) ends.add(flow.dataset.from).add(flow.dataset.to);
    }
    for (const node of nodes) node.classList.toggle("far", Boolean(near) && !ends.has(node.dataset.node));
    graph.classList.toggle("looking", Boolean(near));
  };

  const wanted = () => {
    const text = filter.value.trim().toLowerCase();
    if (!text) return null;
    return (flow) =>
      words.get(flow.dataset.from).includes(text) ||
      words.get(flow.dataset.to).includes(text) ||
      flow.textContent.toLowerCase().includes(text);
  };
  const rest = () => show(wanted());
  filter.addEventListener("input", rest);

  for (const node of nodes) {
    const near = (flow) => flow.dataset.from === node.dataset.node || flow.dataset.to === node.dataset.node;
    for (const begin of ["pointerenter", "focus"]) node.addEventListener(begin, () => show(near));
    for (const end of ["pointerleave", "blur"]) node.addEventListener(end, rest);
  }
  for (const flow of flows) {
    const near = (other) => other.dataset.from === flow.dataset.from && other.dataset.to === flow.dataset.to;
    flow.addEventListener("pointerenter", () => show(near));
    flow.addEventListener("pointerleave", rest);
  }
})();
