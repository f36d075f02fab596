// On a phone the tabs of a section are wider than the screen: shows the one that is open.

document.querySelector(".subnav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
