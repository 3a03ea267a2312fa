"""A language model that writes in categories: python -m examples.categories --text_files neg.txt,pos.txt --categories neg,pos

Then it writes in each, and a classifier of real text says how often the category that was asked for can be read from the sentence.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import sys

from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.evaluation import evaluator
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # UTF-8 files, one sentence a line, separated by commas: a file for each category.
  text_files: str = ""
  # Names of the categories, separated by commas.
  categories: str = ""
  # Folder for the run.
  workdir: str = "runs/categories"
  # Algorithm that learns categories: mle, catgan or sentigan.
  algorithm: str = "mle"
  # Steps of maximum likelihood.
  steps: int = 1000
  # Sentences to score.
  num: int = 2000
  # Random seed.
  seed: int = 0

  def __post_init__(self):
    if not self.text_files or len(self.text_files.split(",")) != len(self.categories.split(",")):
      raise errors.UserError(f"--text_files is {self.text_files!r} and --categories {self.categories!r}; expected as many names as files")


def main(options: Options) -> None:
  later = {} if options.algorithm == "mle" else {"discriminator_steps": 0, "adversarial_steps": 0}
  runs.train(
    runs.make(
      algorithm=options.algorithm, dataset="text_lines", text_files=options.text_files, categories=options.categories, lowercase=True, min_count=2,
      mle_steps=options.steps, evaluations=5, seed=options.seed, workdir=options.workdir, **later,
    )
  ) or sys.exit()  # Stopped by a signal: the same command goes on.  # fmt: skip
  run = runs.load(options.workdir)
  generator, picker = run.algorithm.generator, pickers.without(pickers.Categorical(0.8), run.tokenizer.unknown_token)
  for place, name in enumerate(generator.spec.categories):
    generated = generator.write(3, noise.fold(noise.seed(options.seed), name), picker, [place] * 3)
    for sentence in run.tokenizer.decode(generated.tokens.numpy()):
      print(f"{name}: {sentence}")
  scores = evaluator.Evaluator(generator, run.corpus(), options.seed)(options.num, "test")
  print(f"category found in {scores['category_accuracy']:.1%} of the sentences, in {scores['category_accuracy_real']:.1%} of real ones")


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)
