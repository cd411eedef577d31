mod pipeline;
mod validation;
