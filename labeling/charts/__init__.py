"""Charts as inline SVG, drawn on the server: no script, no inline style, any width.

Pure: numbers in, markup out. Axes stand in per cent of their box; lines and bands are drawn in a
stretched box of 0 to 100 whose strokes keep their width, so that text never scales. Colours and
weights are classes of the stylesheet. Every chart has a title and a description, and the page
puts the same numbers in a table under it.
"""
