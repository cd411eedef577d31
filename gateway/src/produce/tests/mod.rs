mod segment_pipeline;
mod validation;
