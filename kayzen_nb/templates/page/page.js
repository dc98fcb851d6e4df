"use strict";
(function () {
  var options = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  };
  var plots = [];
  document.querySelectorAll(".kz-chart").forEach(function (chart) {
    var figure = JSON.parse(chart.querySelector("script").textContent);
    var plot = chart.querySelector(".kz-plot");
    plots.push(plot);
    Plotly.newPlot(plot, figure.data, figure.layout, options);
  });
  // Charts are drawn for the window's width; paper is narrower, so they are drawn again for it.
  window.addEventListener("beforeprint", function () {
    plots.forEach(function (plot) { Plotly.relayout(plot, { width: 660 }); });
  });
  window.addEventListener("afterprint", function () {
    plots.forEach(function (plot) { Plotly.relayout(plot, { width: null, autosize: true }); });
  });
})();
