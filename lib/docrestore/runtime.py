"""Which engine runs a network: torch, or OpenVINO, which is quicker on processors.

OpenVINO is an extra (`pip install "docrestore[fast]"`). It is given the network that torch has
built and the numbers that torch has loaded, so both compute the same function. On processors
that are quick at it both do so in bfloat16.
"""

import importlib.util
import threading
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from docrestore.inference import Prepared, folded, runner

__all__ = ["RUNTIMES", "RuntimeMissingError", "build", "openvino_runner", "pick"]

RUNTIMES = ("auto", "torch", "openvino")


class RuntimeMissingError(ValueError):
    """An engine that is not there; the sentence says how to get it."""


def pick(runtime: str = "auto") -> str:
    """Resolve "auto" to "openvino" where it is installed, else to "torch".

    Raises:
        RuntimeMissingError: if OpenVINO is asked for and not installed, or for an unknown name.
    """
    if runtime not in RUNTIMES:
        raise RuntimeMissingError(
            f"no runtime is called {runtime!r}; use one of {', '.join(RUNTIMES)}."
        )
    there = importlib.util.find_spec("openvino") is not None
    if runtime == "openvino" and not there:
        raise RuntimeMissingError(
            'OpenVINO is not installed; run `pip install "docrestore[fast]"` or take '
            "--runtime torch."
        )
    return ("openvino" if there else "torch") if runtime == "auto" else runtime


def build(network: nn.Module, runtime: str = "auto", jobs: int = 1) -> Prepared:
    """The network as a function (1, C, H, W) -> (1, 1, H, W), ready for `inference.restore`.

    Args:
        network: one of MODELS, on the CPU.
        runtime: "auto", "torch" or "openvino"; errors as in `pick`.
        jobs: threads that will call the function at the same time; they share the cores.
    """
    if pick(runtime) == "openvino":
        return openvino_runner(network, jobs)
    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    return runner(network)


def openvino_runner(network: nn.Module, jobs: int = 1) -> Prepared:
    """The network as a function like `inference.runner`, run by OpenVINO on the processor.

    Any H and W will do. Several threads may call it at once.
    """
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.full((1, 1, 64, 64), 0.5)
    if hasattr(network, "prepare"):  # guide maps stay with torch: OpenVINO gets layers alone
        example = network.prepare(example)  # type: ignore[operator]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # "tracing is deprecated"; OpenVINO reads nothing newer
        traced = torch.jit.trace(folded(network, constant=True), example, check_trace=False)
    # Not openvino.convert_model: it traces three times, and it may ask on the terminal whether
    # it may send usage data to its makers.
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # must live until the conversion has ended
    model = frontend.convert(frontend.load(decoder))
    model.reshape(openvino.PartialShape([1, example.shape[1], -1, -1]))
    hints = {"PERFORMANCE_HINT": "LATENCY"}
    if jobs > 1:
        hints = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": str(jobs)}
    compiled = openvino.Core().compile_model(model, "CPU", hints)
    own = threading.local()  # a request computes one thing at a time

    def run(tiles: Tensor) -> Tensor:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        given = np.ascontiguousarray(tiles.numpy(), np.float32)
        restored = own.request.infer([given], share_inputs=True, share_outputs=True)[0]
        return torch.from_numpy(restored.copy())  # the next call reuses the request's memory

    return Prepared(run, network)
