"""How golden files write tensors: for golden.py, and for scripts whose framework is not PyTorch."""

import numpy


def write_array(out, name, values):
    values = numpy.asarray(values).astype(numpy.float32)
    out.write(f"tensor {name} {','.join(str(n) for n in values.shape)}\n")
    out.write(" ".join(number(v) for v in values.reshape(-1)) + "\n")


def number(value):
    if not numpy.isfinite(value):
        return str(value)
    mantissa, exponent = float(value).hex().split("p")
    sign, digits = ("-", mantissa[3:]) if mantissa[0] == "-" else ("", mantissa[2:])
    whole, _, rest = digits.partition(".")
    rest = rest.rstrip("0")
    return f"{sign}0x{whole}{'.' + rest if rest else ''}p{int(exponent)}"
