#include "train/embedded_files.h"

#include "data/base/embed.h"

EMBED(variants_yaml, "configs/variants.yaml");
EMBED(schema_sql, "train/schema.sql");
EMBED(schema_views_sql, "train/schema_views.sql");
EMBED(modeling_sinklab_py, "train/checkpoint/modeling_sinklab.py");
EMBED(tokenization_sinklab_py, "train/checkpoint/tokenization_sinklab.py");
