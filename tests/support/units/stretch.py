"""Units for tests that differ in a name: p[i] *= the variant."""

VARIANTS = ("2", "3")


def write(module, variant):
    with (
        module.function("stretch", "address", "int") as (f, p, n),
        f.loop(0, n, f.lanes) as i,
    ):
        mask = f.first_lanes(n - i)
        p.store(p.vector(i, mask) * float(variant), i, mask)
