#!/usr/bin/env bash
# The commands behind the pages of results, a function for each: DATA=FOLDER ORACLE=FILE.npz docs/results/commands.sh NAME.
# DATA holds Texygen's image_coco.txt and testdata/test_coco.txt and the EMNLP 2017 WMT News files; ORACLE the SeqGAN paper's own oracle. Seed 0 stands for the others.
set -euo pipefail
cd "$(dirname "$0")/../.."

real_text() {
  python evaluate.py --file "$DATA"/image_coco.txt --references "$DATA"/test_coco.txt --tokenizer nltk --lower True --encoder "" --json coco.json
  python evaluate.py --file "$DATA"/image_coco.txt --references "$DATA"/test_coco.txt --tokenizer nltk --lower True --encoder "" --bleu_protocol texygen_fast --json fast.json
}

oracle_mle() {
  python train.py --flagfile=recipes/mle_oracle20_regularized.flags --oracle_file "$ORACLE" --seed 0 --workdir runs/regularized_0
  python train.py --flagfile=recipes/mle_oracle20_regularized.flags --oracle_file "$ORACLE" --seed 1 --workdir runs/regularized_1
  python train.py --flagfile=recipes/mle_oracle20_regularized.flags --oracle_file "$ORACLE" --seed 2 --workdir runs/regularized_2
  python train.py --flagfile=recipes/mle_oracle20.flags --oracle_file "$ORACLE" --mle_steps 2340 --evaluations 15 --workdir runs/plain
  python evaluate.py --workdir runs/regularized_0 --workdir runs/regularized_1 --workdir runs/regularized_2 --sweep --encoder "" --temperatures 0.45 0.5 0.55 0.7 1.0 --nuclei 0.9
  python evaluate.py --workdir runs/plain --checkpoint latest --sweep --encoder "" --temperatures 0.4 0.45 0.5 0.55 0.6 0.8 1.0 --nuclei 0.9
}

oracle_100000() {
  python train.py --flagfile=recipes/mle_oracle20_100000.flags --oracle_file "$ORACLE" --workdir runs/oracle_100000
  python evaluate.py --workdir runs/oracle_100000 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei
  python evaluate.py --workdir runs/oracle_100000 --probe
  python train.py --flagfile=recipes/mle_oracle20_100000.flags --mle_steps 36000 --evaluations 30 --oracle_file "$ORACLE" --workdir runs/oracle_longer
  python train.py --flagfile=recipes/discriminator_oracle20_100000.flags --oracle_file "$ORACLE" --pretrained runs/oracle_longer --seed 0 --workdir runs/oracle_longer_guided
  python train.py --flagfile=recipes/selfgan_oracle20_100000.flags --oracle_file "$ORACLE" --pretrained runs/oracle_longer --pretrained_discriminator runs/oracle_longer_guided --seed 0 --workdir runs/oracle_longer_selfgan
  python evaluate.py --workdir runs/oracle_longer_guided --workdir runs/oracle_longer_selfgan --baseline runs/oracle_longer_guided --checkpoint latest --sweep --encoder "" --temperatures 0.5 0.7 0.85 1.0 --nuclei
  python evaluate.py --workdir runs/oracle_longer --workdir runs/oracle_100000 --baseline runs/oracle_100000 --checkpoint latest --sweep --encoder "" --temperatures 0.5 0.7 0.85 1.0 --nuclei
  python train.py --flagfile=recipes/discriminator_oracle20_100000.flags --oracle_file "$ORACLE" --pretrained runs/oracle_100000 --seed 0 --workdir runs/oracle_guided_0
  python train.py --flagfile=recipes/selfgan_oracle20_100000.flags --oracle_file "$ORACLE" --pretrained runs/oracle_100000 --pretrained_discriminator runs/oracle_guided_0 --seed 0 --workdir runs/oracle_selfgan_0
  python evaluate.py --workdir runs/oracle_100000 --workdir runs/oracle_selfgan_0 --baseline runs/oracle_100000 --checkpoint latest --sweep --encoder "" --temperatures 0.5 0.7 0.85 1.0 --nuclei
  python evaluate.py --workdir runs/oracle_guided_0 --baseline runs/oracle_guided_0 --checkpoint latest --guide resampling --candidates 16 --sweep --encoder "" --temperatures 0.7 1.0 --nuclei
  python train.py --algorithm coldgan --exploration_share 0 --exploration_nucleus 1 --replay_share 0 --dataset lstm_oracle --oracle_file "$ORACLE" --num_train 100000 --pretrained runs/oracle_100000 --pretrained_temperature 0.7 \
    --generator_embedding_size 64 --generator_hidden_size 64 --discriminator recurrent --discriminator_dropout 0 --discriminator_learning_rate 1e-3 --generator_learning_rate 5e-4 --batch_size 128 --mle_steps 0 \
    --discriminator_steps 500 --adversarial_steps 150 --evaluations 2 --evaluation_samples 2000 --workdir runs/oracle_reinforce_0
}

oracle_pretrained() {
  python train.py --flagfile=recipes/seqgan_oracle20_pretrained.flags --pretrained runs/regularized_0 --oracle_file "$ORACLE" --seed 0 --workdir runs/seqgan_0
  python evaluate.py --workdir runs/regularized_0 --workdir runs/seqgan_0 --workdir runs/seqgan_1 --workdir runs/seqgan_2 --checkpoint latest --sweep --encoder "" --temperatures 0.5 0.7 1.0
}

oracle_leakgan_sentigan() {
  python train.py --flagfile=recipes/leakgan_oracle20_reduced.flags --oracle_file "$ORACLE" --seed 0 --workdir runs/leakgan_0
  python train.py --flagfile=recipes/sentigan_oracle20_reduced.flags --oracle_file "$ORACLE" --seed 0 --workdir runs/sentigan_0
}

oracle_scratchgan() {
  python train.py --flagfile=recipes/scratchgan_oracle20_reduced.flags --oracle_file "$ORACLE" --seed 0 --workdir runs/scratchgan_0
  python evaluate.py --workdir runs/regularized_0 --workdir runs/leakgan_0 --workdir runs/scratchgan_0 --checkpoint latest --sweep --encoder "" --temperatures 0.5 0.7 1.0 --nuclei
}

oracle_relgan() {
  python train.py --flagfile=recipes/relgan_oracle20_reduced.flags --oracle_file "$ORACLE" --seed 0 --workdir runs/relgan_0
  python evaluate.py --workdir runs/regularized_0 --workdir runs/relgan_0 --workdir runs/relgan_1 --workdir runs/relgan_2 --checkpoint latest --sweep --encoder "" --temperatures 0.5 0.7 1.0
}

grammar_short() {
  python train.py --flagfile=recipes/seqgan_grammar.flags --seed 0 --workdir runs/short_0
}

grammar_quickstart() {
  python train.py --seed 0 --workdir runs/quickstart_0
  python train.py --seed 1 --workdir runs/quickstart_1
  python train.py --seed 2 --workdir runs/quickstart_2
  python train.py --seed 3 --workdir runs/quickstart_3
  python train.py --seed 4 --workdir runs/quickstart_4
}

grammar_guided() {
  python train.py --flagfile=recipes/mle_grammar_small.flags --seed 0 --workdir runs/small_0
  python train.py --flagfile=recipes/discriminator_grammar_small.flags --pretrained runs/small_0 --seed 0 --workdir runs/small_guided_0
  python evaluate.py --workdir runs/small_guided_0 --guide resampling --candidates 16 --sweep --temperatures 0.5 0.7 0.85 1.0 --baseline runs/small_guided_0
}

grammar_guides() {
  python evaluate.py --workdir runs/small_guided_0 --guide rejection --candidates 16 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei --baseline runs/small_guided_0
  python evaluate.py --workdir runs/small_guided_0 --guide search --candidates 16 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei --baseline runs/small_guided_0
}

grammar_prefixes() {
  python train.py --flagfile=recipes/discriminator_grammar_small.flags --discriminator token_lstm --pretrained runs/small_0 --seed 0 --workdir runs/small_dense_0
  python evaluate.py --workdir runs/small_dense_0 --guide search --candidates 16 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei --baseline runs/small_dense_0
}

grammar_teachers() {
  python train.py --flagfile=recipes/maligan_grammar_small.flags --pretrained runs/small_0 --pretrained_discriminator runs/small_guided_0 --seed 0 --workdir runs/small_maligan_0
  python evaluate.py --workdir runs/small_guided_0 --workdir runs/small_maligan_0 --workdir runs/small_selfgan_0 --workdir runs/small_gad_0 --workdir runs/small_coldgan_0 --baseline runs/small_guided_0 \
    --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei
}

grammar_colder() {
  python train.py --flagfile=recipes/seqgan_grammar_small.flags --pretrained runs/small_0 --pretrained_discriminator runs/small_guided_0 --seed 0 --workdir runs/small_seqgan_0
  python evaluate.py --workdir runs/small_guided_0 --workdir runs/small_seqgan_0 --baseline runs/small_guided_0 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei 0.7 0.8 0.9
  python train.py --flagfile=recipes/reinforce_grammar_small.flags --pretrained runs/small_0 --pretrained_discriminator runs/small_guided_0 --seed 0 --workdir runs/small_reinforce_0
  python train.py --flagfile=recipes/gad_grammar_small.flags --pretrained runs/small_0 --pretrained_temperature 0.7 --pretrained_discriminator runs/small_guided_0 --seed 0 --workdir runs/small_gad_0
  python train.py --flagfile=recipes/mle_grammar_small.flags --mle_steps 100000 --evaluations 25 --seed 0 --workdir runs/small_longer_0
  python train.py --flagfile=recipes/reinforce_grammar_small.flags --pretrained runs/small_longer_0 --pretrained_discriminator runs/small_guided_0 --seed 0 --workdir runs/taught_longer_0
  python evaluate.py --workdir runs/small_longer_0 --workdir runs/taught_longer_0 --baseline runs/small_longer_0 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei
  python evaluate.py --workdir runs/small_guided_0 --baseline runs/small_guided_0 --checkpoint latest --guide resampling --candidates 16 --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei
}

grammar_distilled() {
  python generate.py --workdir runs/small_guided_0 --checkpoint latest --guide resampling --candidates 8 --temperature 0.85 --num 100000 --output chosen.txt
  python train.py --algorithm mle --dataset caption_grammar --num_train 1000 --num_validation 5000 --num_test 10000 --generator_embedding_size 16 --generator_hidden_size 16 --mle_learning_rate 3e-3 \
    --weight_average 0.999 --mle_steps 8000 --pretrained runs/small_0 --synthetic_file chosen.txt --workdir runs/small_distilled_0
  python generate.py --workdir runs/small_distilled_0 --checkpoint latest --temperature 0.7 --num 2000 --output distilled_0.7.txt
  python evaluate.py --workdir runs/small_guided_0 --file distilled_0.7.txt --baseline runs/small_guided_0 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei
}

captions_mle() {
  python train.py --flagfile=recipes/mle_coco.flags --data_folder "$DATA" --seed 0 --workdir runs/coco_0
  python train.py --flagfile=recipes/mle_coco.flags --data_folder "$DATA" --seed 1 --workdir runs/coco_1
  python train.py --flagfile=recipes/mle_coco.flags --data_folder "$DATA" --seed 2 --workdir runs/coco_2
  python train.py --flagfile=recipes/mle_coco_regularized.flags --data_folder "$DATA" --seed 0 --workdir runs/coco_regularized_0
  python evaluate.py --workdir runs/coco_0 --workdir runs/coco_1 --workdir runs/coco_2 --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei 0.9
  python evaluate.py --workdir runs/coco_0 --workdir runs/coco_1 --workdir runs/coco_2 --sweep --split validation --temperatures 1.0 1.1 1.2 --nuclei
}

captions_guided() {
  python train.py --flagfile=recipes/discriminator_coco.flags --pretrained runs/coco_0 --data_folder "$DATA" --seed 0 --workdir runs/guided_0
  python evaluate.py --workdir runs/guided_0 --guide resampling --candidates 16 --sweep --temperatures 0.7 0.85 1.0 --nuclei 0.9 --baseline runs/guided_0
}

captions_ensemble() {
  python evaluate.py --workdir runs/coco_0 --workdir runs/coco_1 --workdir runs/coco_2 --combine true --sweep --temperatures 0.7 0.85 1.0
  python evaluate.py --workdir runs/coco_0 --workdir runs/coco_1 --workdir runs/coco_2 --combine true --guide resampling --guide_workdir runs/guided_0 --sweep --temperatures 0.85 1.0
}

news_calibrated() {
  python train.py --flagfile=recipes/discriminator_emnlp.flags --pretrained runs/emnlp_0 --data_folder "$DATA" --seed 0 --workdir runs/emnlp_guided_0
  python evaluate.py --workdir runs/emnlp_guided_0 --guide resampling --candidates 16 --sweep --temperatures 0.7 0.85 1.0 --nuclei --baseline runs/emnlp_guided_0
  python train.py --flagfile=recipes/mle_emnlp.flags --mle_steps 4800 --evaluations 16 --data_folder "$DATA" --seed 0 --workdir runs/emnlp_longer_0
  python train.py --flagfile=recipes/discriminator_emnlp.flags --pretrained runs/emnlp_longer_0 --pretrained_temperature 1.1 --data_folder "$DATA" --seed 0 --workdir runs/emnlp_longer_guided_0
}

captions_calibrated() {
  python train.py --flagfile=recipes/discriminator_coco_calibrated.flags --pretrained runs/coco_0 --data_folder "$DATA" --seed 0 --workdir runs/coco_calibrated_0
  python evaluate.py --workdir runs/coco_calibrated_0 --guide resampling --candidates 16 --sweep --temperatures 0.77 0.91 1.0 1.09 --nuclei --baseline runs/coco_calibrated_0
}

captions_decay_guided() {
  python train.py --flagfile=recipes/discriminator_coco_calibrated.flags --pretrained runs/coco_regularized_0 --data_folder "$DATA" --seed 0 --workdir runs/coco_regularized_guided_0
  python evaluate.py --workdir runs/coco_regularized_guided_0 --guide resampling --candidates 16 --sweep --temperatures 0.77 0.91 1.0 1.09 --nuclei --baseline runs/coco_regularized_guided_0
}

captions_nearness() {
  python train.py --flagfile=recipes/discriminator_coco_calibrated.flags --pretrained runs/coco_regularized_0 --discriminator_steps 1000 --evaluations 10 --keep_checkpoints 10 --discriminator_patience 0 --data_folder "$DATA" --seed 0 --workdir runs/coco_steps_0
  python docs/results/nearness.py
}

captions_teachers() {
  python train.py --flagfile=recipes/selfgan_coco_pretrained.flags --pretrained runs/coco_0 --pretrained_discriminator runs/coco_calibrated_0 --data_folder "$DATA" --seed 0 --workdir runs/selfgan_coco_0
  python train.py --flagfile=recipes/coldgan_coco_pretrained.flags --pretrained runs/coco_0 --pretrained_discriminator runs/coco_calibrated_0 --data_folder "$DATA" --seed 0 --workdir runs/coldgan_coco_0
  python train.py --flagfile=recipes/gad_coco_pretrained.flags --pretrained runs/coco_0 --pretrained_discriminator runs/coco_calibrated_0 --data_folder "$DATA" --seed 0 --workdir runs/gad_coco_0
  python evaluate.py --workdir runs/coco_calibrated_0 --workdir runs/selfgan_coco_0 --workdir runs/coldgan_coco_0 --workdir runs/gad_coco_0 --baseline runs/coco_calibrated_0 --sweep --temperatures 0.64 0.77 0.91 1.0 1.09 --nuclei
}

captions_relgan() {
  python train.py --flagfile=recipes/relgan_coco_reduced.flags --data_folder "$DATA" --seed 0 --workdir runs/relgan_coco_0
  python evaluate.py --workdir runs/coco_0 --workdir runs/relgan_coco_0 --workdir runs/relgan_coco_1 --workdir runs/relgan_coco_2 --checkpoint latest --sweep --temperatures 0.7 0.85 1.0
}

captions_scratchgan() {
  python train.py --flagfile=recipes/scratchgan_coco_reduced.flags --data_folder "$DATA" --seed 0 --workdir runs/scratchgan_coco_0
  python evaluate.py --workdir runs/coco_0 --workdir runs/scratchgan_coco_0 --checkpoint latest --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei
}

captions_seqgan_leakgan() {
  python train.py --flagfile=recipes/seqgan_coco_pretrained.flags --pretrained runs/coco_0 --data_folder "$DATA" --seed 0 --workdir runs/seqgan_coco_0
  python train.py --flagfile=recipes/leakgan_coco_reduced.flags --data_folder "$DATA" --seed 0 --workdir runs/leakgan_coco_0
  python evaluate.py --workdir runs/coco_0 --workdir runs/seqgan_coco_0 --workdir runs/seqgan_coco_1 --workdir runs/seqgan_coco_2 --checkpoint latest --sweep --temperatures 0.7 0.85 1.0 1.1 1.2 --nuclei
  python evaluate.py --workdir runs/leakgan_coco_0 --checkpoint latest --sweep --temperatures 0.7 0.85 1.0 --nuclei
}

news_mle() {
  python train.py --flagfile=recipes/mle_emnlp.flags --data_folder "$DATA" --seed 0 --workdir runs/emnlp_0
  python train.py --flagfile=recipes/mle_emnlp.flags --data_folder "$DATA" --seed 1 --workdir runs/emnlp_1
  python train.py --flagfile=recipes/mle_emnlp_regularized.flags --data_folder "$DATA" --seed 0 --workdir runs/emnlp_regularized_0
  python evaluate.py --workdir runs/emnlp_0 --workdir runs/emnlp_1 --sweep --temperatures 0.5 0.7 0.85 1.0 --nuclei 0.9
}

news_together() {
  python docs/results/together.py
}

news_decay_guided() {
  python train.py --flagfile=recipes/discriminator_emnlp.flags --pretrained runs/emnlp_regularized_0 --data_folder "$DATA" --seed 0 --workdir runs/emnlp_regularized_guided_0
  python evaluate.py --workdir runs/emnlp_regularized_guided_0 --guide resampling --candidates 16 --sweep --temperatures 0.7 0.85 1.0 --nuclei --baseline runs/emnlp_regularized_guided_0
}

news_teachers() {
  python train.py --flagfile=recipes/maligan_emnlp.flags --pretrained runs/emnlp_0 --pretrained_discriminator runs/emnlp_guided_0 --data_folder "$DATA" --seed 0 --workdir runs/maligan_emnlp_0
  python train.py --flagfile=recipes/selfgan_emnlp.flags --pretrained runs/emnlp_0 --pretrained_discriminator runs/emnlp_guided_0 --data_folder "$DATA" --seed 0 --workdir runs/selfgan_emnlp_0
  python train.py --flagfile=recipes/gad_emnlp.flags --pretrained runs/emnlp_0 --pretrained_discriminator runs/emnlp_guided_0 --data_folder "$DATA" --seed 0 --workdir runs/gad_emnlp_0
  python train.py --flagfile=recipes/coldgan_emnlp.flags --pretrained runs/emnlp_0 --pretrained_discriminator runs/emnlp_guided_0 --data_folder "$DATA" --seed 0 --workdir runs/coldgan_emnlp_0
  python evaluate.py --workdir runs/emnlp_guided_0 --workdir runs/maligan_emnlp_0 --workdir runs/selfgan_emnlp_0 --workdir runs/gad_emnlp_0 --workdir runs/coldgan_emnlp_0 --baseline runs/emnlp_guided_0 --sweep --temperatures 0.7 0.85 1.0 --nuclei
}

news_decay_teachers() {
  python train.py --flagfile=recipes/selfgan_emnlp.flags --pretrained runs/emnlp_regularized_0 --pretrained_discriminator runs/emnlp_regularized_guided_0 --data_folder "$DATA" --seed 0 --workdir runs/selfgan_regularized_0
  python evaluate.py --workdir runs/emnlp_regularized_guided_0 --workdir runs/selfgan_regularized_0 --workdir runs/gad_regularized_0 --workdir runs/coldgan_regularized_0 --baseline runs/emnlp_regularized_guided_0 --sweep --temperatures 0.7 0.85 1.0 --nuclei
}

reviews_catgan() {
  python train.py --flagfile=recipes/catgan_reviews.flags --text_files NEGATIVE.txt,POSITIVE.txt --seed 0 --workdir runs/catgan_0
}

"${1:?expected the name of a result: $(compgen -A function | xargs)}"
