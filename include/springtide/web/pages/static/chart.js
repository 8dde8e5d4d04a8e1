// Charts by plotly: <div class="chart" data-figure="ID" role="img" aria-label="…"> draws the JSON of <script id="ID">.
// Without plotly the page says so; the numbers stand in its tables as well.
"use strict";
(function () {
  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: of("--text"), family: "system-ui, sans-serif", size: 12 },
      xaxis: { gridcolor: of("--line"), linecolor: of("--line"), zerolinecolor: of("--line") },
      yaxis: { gridcolor: of("--line"), linecolor: of("--line"), zerolinecolor: of("--line") },
    };
  }

  function merged(layout) {
    const theme = colours();
    const joined = Object.assign({}, theme, layout);
    for (const key of new Set([...Object.keys(theme), ...Object.keys(layout)])) {
      if (/^[xy]axis\d*$/.test(key)) {
        joined[key] = Object.assign({}, theme[key[0] + "axis"], layout[key]);
      }
    }
    joined.autosize = true;
    return joined;
  }

  // A colour that begins with -- is one of the page's own, so that it follows the theme.
  function tinted(value) {
    if (typeof value === "string" && value.startsWith("--")) {
      return getComputedStyle(document.documentElement).getPropertyValue(value).trim();
    }
    if (Array.isArray(value)) {
      return value.map(tinted);
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, tinted(each)]));
    }
    return value;
  }

  async function draw(place) {
    const source = document.getElementById(place.dataset.figure);
    if (!source) {
      return;
    }
    if (typeof Plotly === "undefined") {
      place.textContent = "The chart cannot be drawn: plotly is not installed beside the API server.";
      return;
    }
    const figure = tinted(JSON.parse(source.textContent));
    const config = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };
    await Plotly.react(place, figure.data, merged(figure.layout || {}), config);
  }

  function drawAll() {
    document.querySelectorAll(".chart[data-figure]").forEach(draw);
  }

  window.springtideCharts = { draw };
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("springtide:theme", drawAll);
})();
