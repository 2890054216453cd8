"""Every operation once, in plain array-API style: oracle of all tests, fallback everywhere.

Each function takes the array namespace ``xp`` as its first argument and returns arrays of that
namespace: NumPy, CuPy, or any other that follows the array API standard
(https://data-apis.org/array-api/2024.12/).  Nothing here knows of networks, devices or models.
"""
