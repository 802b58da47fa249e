// Replaces the page by what its first frame looks like, as JSON.
onload = () => {
  const page = frames[0].document;
  const images = [...page.images];
  document.body.textContent = JSON.stringify({
    wide: page.documentElement.scrollWidth,
    images: images.length,
    drawn: images.filter((image) => image.complete && image.naturalWidth > 0 && image.width > 80).length,
    beyond: images.filter((image) => image.getBoundingClientRect().right > innerWidth).length,
    paper: frames[0].getComputedStyle(page.body).backgroundColor,
  });
};
