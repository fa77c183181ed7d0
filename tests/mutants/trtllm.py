"""Mutants of TensorRT-LLM as an engine: what it is told, what stands before it, and what it is asked."""

from tests.mutants.patch import Mutant

_TRTLLM = "tests/unit/engines/test_trtllm.py"
_OPTIONS = "tests/unit/engines/test_trtllm_options.py"
_FIGURES = "tests/unit/engines/test_trtllm_figures.py"
_FRONT = "tests/unit/build/test_front.py"
_PROXY = "tests/unit/serving/front/test_proxy.py"
_RULES = "tests/unit/api/test_trtllm_rules.py"
_COMPARISON = "tests/unit/test_comparison.py"
_ENGINES = "tests/unit/telemetry/test_engines.py"
_PASSES = "serving/deepseek_serving/front/proxy.py"

TRTLLM = (
    Mutant(
        name="everything-is-open",
        breaks="whoever reaches a pod of TensorRT-LLM may change its weights",
        file=_PASSES,
        old="        return path in self._paths or path.startswith(self._folders)\n",
        new="        return path in self._paths or path.startswith('/')\n",
        caught_by=(f"{_PROXY}::test_what_is_not_open_never_reaches_the_engine",),
    ),
    Mutant(
        name="nested-without-end",
        breaks="a value that is nested too deep to be written ends every pass over its object",
        file="engines/trtllm_options.py",
        old="    if _is_deeper(found, MOST_LEVELS):\n",
        new="    if _is_deeper(found, 10**4):\n",
        caught_by=(f"{_OPTIONS}::test_a_value_may_be_nested_as_deep_as_any_that_the_engine_takes",),
    ),
    Mutant(
        name="front-holds-nothing",
        breaks="a stream of TensorRT-LLM that never begins is nobody else's any more",
        file=_PASSES,
        old="        self._app = FirstToken(self._ask)\n",
        new="        self._app = FirstToken(self._ask)._app\n",
        caught_by=(f"{_PROXY}::test_the_head_of_a_stream_waits_for_its_first_token",),
    ),
    Mutant(
        name="broken-answers-end-well",
        breaks="an answer that broke off in the engine looks whole to its client",
        file=_PASSES,
        old="                request.transport.abort()\n",
        new="                await answer.response.write_eof()\n",
        caught_by=(f"{_PROXY}::test_an_answer_that_breaks_does_not_end_well",),
    ),
    Mutant(
        name="lost-engine-is-a-refusal",
        breaks="an engine that is gone counts as one that is overloaded",
        file=_PASSES,
        old="                return _refusal(502, ",
        new="                return _refusal(503, ",
        caught_by=(
            f"{_PROXY}::test_an_engine_that_is_not_there_is_told_so_that_another_may_be_asked",
        ),
    ),
    Mutant(
        name="work-for-nobody",
        breaks="an engine goes on computing for a client that went away",
        file=_PASSES,
        old="            handler_cancellation=True,\n",
        new="            handler_cancellation=False,\n",
        caught_by=(
            f"{_PROXY}::test_a_client_that_goes_away_before_the_answer_ends_the_engines_work",
        ),
    ),
    Mutant(
        name="engine-listens-to-everybody",
        breaks="the front can be gone round",
        file="engines/trtllm.py",
        old='        "--host=127.0.0.1",\n',
        new='        "--host=0.0.0.0",\n',
        caught_by=(f"{_TRTLLM}::test_the_spec_becomes_arguments",),
    ),
    Mutant(
        name="no-page-of-metrics",
        breaks="the figures of TensorRT-LLM are promised and never told: every run is held",
        file="engines/trtllm.py",
        old='    return {**usual, **chosen, "return_perf_metrics": True}\n',
        new="    return {**usual, **chosen}\n",
        caught_by=(f"{_TRTLLM}::test_the_file_has_the_users_keys_and_what_the_operator_relies_on",),
    ),
    Mutant(
        name="vllms-name-of-a-parser",
        breaks="TensorRT-LLM is given a parser's name that it does not know, and does not start",
        file="engines/trtllm.py",
        old='{"deepseek_r1": "deepseek-r1"}',
        new='{"deepseek_r1": "deepseek_r1"}',
        caught_by=(f"{_TRTLLM}::test_the_fake_of_this_version_takes_every_command_line_and_file",),
    ),
    Mutant(
        name="keys-are-not-checked",
        breaks="a misspelt key is found by an engine that does not start, not by the operator",
        file="engines/trtllm.py",
        old="    if wrong and request.block.engine.image is None:\n",
        new="    if wrong and request.block.engine.image is not None:\n",
        caught_by=(
            f"{_TRTLLM}::test_what_this_version_does_not_take_is_refused_unless_the_image_is_the_users_own",
        ),
    ),
    Mutant(
        name="a-truth-is-a-number",
        breaks="a key with a value of the wrong type passes",
        file="engines/trtllm_options.py",
        old='(kind == "boolean" or not isinstance(value, bool))',
        new='(kind == "boolean" or value is not None)',
        caught_by=(f"{_OPTIONS}::test_what_the_engine_would_refuse_of_the_file_is_named",),
    ),
    Mutant(
        name="more-is-promised-than-told",
        breaks="TensorRT-LLM is asked for lengths of answers that it does not count: every run is held",
        file="engines/choice.py",
        old='    frozenset({"first_token", "per_output_token", "finished"}),\n',
        new='    frozenset({"first_token", "per_output_token", "finished", "generated"}),\n',
        caught_by=(
            f"{_FIGURES}::test_a_measure_is_promised_by_whom_tells_all_that_it_is_made_of",
            f"{_COMPARISON}::test_only_what_the_engines_of_both_tell_is_compared",
        ),
    ),
    Mutant(
        name="one-that-tells-is-enough",
        breaks="what one of two engines does not tell is compared",
        file="comparison.py",
        old="if all(needed <= known for known in figures)",
        new="if any(needed <= known for known in figures)",
        caught_by=(f"{_COMPARISON}::test_only_what_the_engines_of_both_tell_is_compared",),
    ),
    Mutant(
        name="one-page-for-all",
        breaks="TensorRT-LLM is asked for its figures where vLLM has them",
        file="telemetry/engines.py",
        old="self._port, telling.path,",
        new='self._port, "/metrics",',
        caught_by=(f"{_ENGINES}::test_each_kind_of_engine_is_asked_where_it_tells",),
    ),
    Mutant(
        name="options-compile-alike",
        breaks="what one set of options compiled is brought back for another",
        file="build/template.py",
        old="    options = [engine.options] if engine.options else []\n",
        new="    options: list[str] = []\n",
        caught_by=(f"{_FRONT}::test_what_is_compiled_depends_on_the_options_and_not_on_the_name",),
    ),
    Mutant(
        name="name-of-a-folder",
        breaks="TensorRT-LLM serves under the name of a volume's folder",
        file="build/front.py",
        old='**({"subPath": folder} if folder else {})',
        new="**({})",
        caught_by=(f"{_FRONT}::test_weights_are_mounted_under_the_served_name",),
    ),
    Mutant(
        name="trtllm-on-a-cpu",
        breaks="an object that can never run is accepted",
        file="api/trtllm_rules.py",
        old="self.accelerator.kind != 'CPU'\"",
        new="self.accelerator.kind != 'TPU'\"",
        caught_by=(f"{_RULES}::test_what_tensorrt_llm_cannot_serve_is_refused_for_one_reason",),
    ),
)
