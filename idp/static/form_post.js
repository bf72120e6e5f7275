// Sends the one form of the page on its way. Without JavaScript the button does it.
document.getElementById("answer").submit();
