#!/usr/bin/env python3
"""Makes lines/*.png and truth.txt. They are committed; run this only to change them.

The text is the opening of eleven novels of the 19th century, all in the public domain, wrapped as in a narrow column.
Each line gets a face, a size, a slant, paper, ink and noise of its own, from a fixed seed, so that a second run makes the
same images (with the same Pillow and fonts).

Needs Python 3.11, Pillow 13, NumPy, and the Debian packages fonts-dejavu-core, fonts-dejavu-extra (Bitstream Vera licence),
fonts-liberation (SIL Open Font Licence 1.1) and fonts-ebgaramond (SIL Open Font Licence 1.1).
"""

import pathlib
import textwrap

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FOLDER = pathlib.Path(__file__).resolve().parent
COLUMN = 27  # characters
LINES = 72

FACES = [
    "truetype/dejavu/DejaVuSerif.ttf",
    "truetype/dejavu/DejaVuSans.ttf",
    "truetype/dejavu/DejaVuSerifCondensed.ttf",
    "truetype/liberation/LiberationSerif-Regular.ttf",
    "truetype/liberation/LiberationSerif-Bold.ttf",
    "truetype/liberation/LiberationSans-Regular.ttf",
    "truetype/liberation/LiberationMono-Regular.ttf",
    "opentype/ebgaramond/EBGaramond12-Regular.otf",
]

OPENINGS = [
    # Jane Austen, Pride and Prejudice, 1813
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife. "
    "However little known the feelings or views of such a man may be on his first entering a neighbourhood,",
    # Herman Melville, Moby-Dick, 1851
    "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my purse, and nothing "
    "particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.",
    # Charles Dickens, A Tale of Two Cities, 1859
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was "
    "the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness,",
    # Charlotte Bronte, Jane Eyre, 1847
    "There was no possibility of taking a walk that day. We had been wandering, indeed, in the leafless shrubbery an hour "
    "in the morning;",
    # Charles Dickens, Great Expectations, 1861
    "My father's family name being Pirrip, and my Christian name Philip, my infant tongue could make of both names nothing "
    "longer or more explicit than Pip. So, I called myself Pip, and came to be called Pip.",
    # Emily Bronte, Wuthering Heights, 1847
    "I have just returned from a visit to my landlord - the solitary neighbour that I shall be troubled with.",
    # Mary Shelley, Frankenstein, 1818
    "You will rejoice to hear that no disaster has accompanied the commencement of an enterprise which you have regarded "
    "with such evil forebodings.",
    # Bram Stoker, Dracula, 1897
    "3 May. Bistritz. Left Munich at 8:35 P. M., on 1st May, arriving at Vienna early next morning; should have arrived at "
    "6:46, but train was an hour late.",
    # Lewis Carroll, Alice's Adventures in Wonderland, 1865
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or twice "
    "she had peeped into the book her sister was reading, but it had no pictures or conversations in it,",
    # Arthur Conan Doyle, A Study in Scarlet, 1887
    "In the year 1878 I took my degree of Doctor of Medicine of the University of London, and proceeded to Netley to go "
    "through the course prescribed for surgeons in the army.",
    # H. G. Wells, The Time Machine, 1895
    "The Time Traveller (for so it will be convenient to speak of him) was expounding a recondite matter to us.",
]


def draw(text: str, random: numpy.random.Generator) -> Image.Image:
    face = FACES[random.integers(len(FACES))]
    font = ImageFont.truetype(f"/usr/share/fonts/{face}", int(random.integers(24, 41)))
    left, top, right, bottom = font.getbbox(text)
    margin = int(random.integers(5, 10))
    size = (right - left + 2 * margin, bottom - top + 2 * margin)
    paper, ink = random.integers(205, 250), random.integers(10, 70)
    image = Image.new("L", size, int(paper))
    ImageDraw.Draw(image).text((margin - left, margin - top), text, font=font, fill=int(ink))
    image = image.rotate(float(random.uniform(-0.35, 0.35)), Image.Resampling.BICUBIC, fillcolor=int(paper))
    image = image.filter(ImageFilter.GaussianBlur(float(random.uniform(0.2, 0.8))))
    pixels = numpy.asarray(image, dtype=numpy.float64)
    shade = numpy.linspace(0, random.uniform(-18, 18), size[0])  # light falls from one side
    pixels = pixels + shade[None, :] + random.normal(0, random.uniform(3, 10), pixels.shape)
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype(numpy.uint8))


def main() -> None:
    random = numpy.random.default_rng(1859)
    lines = [line for opening in OPENINGS for line in textwrap.wrap(opening, COLUMN)][:LINES]
    assert len(lines) == LINES, f"{len(lines)} lines; {LINES} are wanted"
    (FOLDER / "lines").mkdir(exist_ok=True)
    for index, line in enumerate(lines):
        draw(line, random).save(FOLDER / "lines" / f"{index:03}.png", optimize=True)
    (FOLDER / "truth.txt").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
