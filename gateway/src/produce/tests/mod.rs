mod admission;
mod pipeline;
