//! Object storage with retry, hedging, coalescing, limits and fault injection.
