"""Writes tests/golden/npy/*.npy and *.npz with NumPy, for test_npy.c, which knows what is in them.

pip install numpy; python scripts/golden/make_npy.py tests/golden/npy
"""
import sys

import numpy as np

folder = sys.argv[1] + '/'
numbers = np.arange(-3, 9).reshape(3, 4)

for code in ['?', 'u1', 'i1', 'i2', 'u2', 'i4', 'u4', 'i8', 'f2', 'f4', 'f8']:
    values = numbers if code[0] != 'u' else numbers + 3
    np.save(folder + code.replace('?', 'b1') + '.npy', values.astype(code))
np.save(folder + 'big-endian.npy', numbers.astype('>f4'))
np.save(folder + 'big-endian-i2.npy', numbers.astype('>i2'))
np.save(folder + 'fortran.npy', np.asfortranarray(np.arange(24, dtype='f4').reshape(2, 3, 4)))
np.save(folder + 'scalar.npy', np.float64(2.5))
np.save(folder + 'none.npy', np.zeros((0, 3), dtype='i4'))
for version in [(2, 0), (3, 0)]:
    with open(f'{folder}version{version[0]}.npy', 'wb') as file:
        np.lib.format.write_array(file, numbers.astype('f4'), version=version)

np.save(folder + 'complex.npy', numbers.astype('c8'))
np.save(folder + 'record.npy', np.zeros(2, dtype=[('a', 'f4'), ('b', 'i4')]))
np.savez(folder + 'stored.npz', a=numbers.astype('f4'), steps=np.int32(7), none=np.zeros((0, 2)))
np.savez_compressed(folder + 'packed.npz', a=numbers.astype('f4'), b=np.arange(100000, dtype='i4') % 10)
