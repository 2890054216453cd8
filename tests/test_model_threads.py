"""MLP: whoever looks while another thread writes sees one state."""

import threading

import numpy as np

from mlpcore import MLP


def test_a_copy_taken_while_another_thread_writes_is_of_one_state():
    net = MLP([32, 64, 32], standardize=True, dtype="float64", seed=0)
    shapes = {name: view.shape for name, view in net.parameters().items()}
    done, wrong = threading.Event(), []

    def write():
        value = 0.0
        while not done.is_set():
            value += 1
            net.set_parameters({name: np.full(shape, value) for name, shape in shapes.items()})

    def check():
        while not done.is_set():
            values = net._bound.values()
            if len({float(v) for name in shapes for v in np.unique(values[name])}) > 1:
                wrong.append(values)

    net.set_parameters({name: np.zeros(shape) for name, shape in shapes.items()})
    threads = [threading.Thread(target=write), *(threading.Thread(target=check) for _ in range(2))]
    for thread in threads:
        thread.start()
    done.wait(0.5)
    done.set()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_loss_and_penalty_are_of_one_state_while_another_thread_writes():
    net = MLP([16, 16], bias=False, dtype="float64", seed=0)
    x, t = np.ones((4, 16)), np.zeros((4, 16))
    pairs = {}
    for value in (1.0, 2.0):
        net.set_parameters({"layers.0.weight": np.full((16, 16), value)})
        _, grads = net.value_and_grad(x, t, l2=0.1)
        pairs[float(grads.loss)] = float(grads.penalty)
    done, wrong = threading.Event(), []

    def write():
        value = 1.0
        while not done.is_set():
            value = 3.0 - value
            net.set_parameters({"layers.0.weight": np.full((16, 16), value)})

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(500):
        _, grads = net.value_and_grad(x, t, l2=0.1)
        if pairs.get(float(grads.loss)) != float(grads.penalty):
            wrong.append(grads)
    done.set()
    thread.join(30)
    assert not wrong


def test_predicting_while_another_thread_steps_sees_a_whole_state():
    # Every output is the same function of all-equal weights, so a mixture would show.
    net = MLP([64, 256], dtype="float64", seed=0)
    x = np.ones((3, 64))
    net.set_parameters({"layers.0.weight": np.zeros((256, 64)), "layers.0.bias": np.zeros(256)})
    trainer = net.trainer("mse", "sgd", lr=0.01)
    done, wrong = threading.Event(), []

    def predict():
        while not done.is_set():
            z = net(x)
            if np.ptp(z) > 1e-9 * max(1.0, abs(z).max()):
                wrong.append(z)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        trainer.step(x, np.ones((3, 256)))
    done.set()
    for thread in threads:
        thread.join(30)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
