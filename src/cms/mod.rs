//! Part to borrowed CMS layers.
