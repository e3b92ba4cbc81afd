"""Writes tests/golden/images/*.png for test_images.c: kinds of PNG that hebb_write_png() does not write.

pip install numpy pillow; python scripts/golden/make_images.py tests/golden/images
"""
import struct
import sys
import zlib

import numpy as np
from PIL import Image

folder = sys.argv[1] + '/'
height, width = 5, 9
y, x = np.mgrid[:height, :width]

palette = Image.fromarray(((x + 3 * y) % 4).astype(np.uint8), 'P')
palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30])
palette.save(folder + 'palette.png', bits=2)
palette.save(folder + 'palette-transparent.png', bits=2, transparency=b'\xff\x80\x00\xff')

Image.fromarray((x * 7000 + y * 13).astype(np.uint16)).save(folder + 'gray16.png')
Image.fromarray((x + y) % 3 == 0).save(folder + 'bits.png')
Image.fromarray(np.stack([20 * x, 50 - 10 * y], 2).astype(np.uint8), 'LA').save(folder + 'gray-alpha.png')

# Adam7, which Pillow reads and does not write.
rgb = np.stack([20 * x, 40 * y, x * y], 2).astype(np.uint8)
passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
lines = b''
for top, left, down, right in passes:
    part = rgb[top::down, left::right]
    if part.size:
        lines += b''.join(b'\0' + row.tobytes() for row in part)
chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
with open(folder + 'interlaced.png', 'wb') as file:
    file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 1))
               + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b''))
assert (np.asarray(Image.open(folder + 'interlaced.png')) == rgb).all()
