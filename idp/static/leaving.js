// Goes on as soon as the page and all frames in it have loaded; the page's own refresh does it later in any case.
addEventListener("load", () => {
  const way = document.getElementById("go-on");
  if (way) location.replace(way.href);
});
