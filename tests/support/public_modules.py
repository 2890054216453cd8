"""The modules whose names users import."""

import mlpcore
from mlpcore import bench, callbacks, datasets, device, functional, io, optim, training
from mlpcore import inspect as looking
from mlpcore import sklearn as estimators
from mlpcore.nn import activations, initializers, losses

MODULES = (
    mlpcore,
    functional,
    activations,
    initializers,
    losses,
    optim,
    optim.schedules,
    optim.lbfgs,
    training,
    callbacks,
    estimators,
    looking,
    io,
    datasets,
    device,
    bench,
)
