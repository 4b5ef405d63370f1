//! One typed settings tree, parsed once.
