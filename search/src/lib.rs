//! Full-text search over documents, with facets.
