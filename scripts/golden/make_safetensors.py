"""Writes tests/golden/tensors.safetensors with the safetensors package, for test_safetensors.c.

pip install numpy safetensors; python scripts/golden/make_safetensors.py tests/golden
"""
import sys

import numpy as np
from safetensors.numpy import save_file

save_file({
    'a': np.arange(6, dtype=np.float32).reshape(2, 3) / 2,
    'flags': np.array([True, False, True]),
    'layer/kernel': np.array([[-1.5, 2.25]], dtype=np.float64),
    'half': np.array([0.5, -2], dtype=np.float16),
    'counts': np.array([-3, 2**40], dtype=np.int64),
    'bytes': np.array([255, 0], dtype=np.uint8),
    'none': np.zeros((0, 2), dtype=np.int8),
    'steps': np.array([7], dtype=np.int32),
}, sys.argv[1] + '/tensors.safetensors', metadata={'format': 'np', 'note': 'a "quoted" \u00e9'})
