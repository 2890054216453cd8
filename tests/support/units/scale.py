"""A unit for tests, which compiles in a moment: p[i] *= factor."""


def write(module):
    with (
        module.function("scale", "address", "int", "real") as (f, p, n, factor),
        f.loop(0, n, f.lanes) as i,
    ):
        mask = f.first_lanes(n - i)
        p.store(p.vector(i, mask) * factor.splat(), i, mask)
