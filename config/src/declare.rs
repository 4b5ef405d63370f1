//! The declaration language of `settings.rs`: one line gives a key its type, default, range and help.

use crate::layers::Layers;

/// One key as declared, for the parser, the printed form and the example file alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Full path, `listen.tls.certificate`.
    pub path: String,
    pub help: &'static [&'static str],
    /// As text, the way an environment variable would state it; empty for an optional key.
    pub default: &'static str,
    /// A value to show where the default is empty.
    pub sample: Option<&'static str>,
    pub range: Option<(&'static str, &'static str)>,
}

impl Key {
    /// The last part of the path: what stands in the file below its section's heading.
    pub fn name(&self) -> &str {
        self.path.rsplit_once('.').map_or(&self.path, |(_, name)| name)
    }
}

/// A table of the settings tree, or a key in it, in the order of declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Section { path: String, help: &'static [&'static str] },
    Key(Key),
}

/// A struct whose fields are keys and further sections; implemented by [`settings!`] only.
pub(crate) trait Section: Sized {
    /// Appends this section's keys and sub-sections.
    fn describe(prefix: &str, items: &mut Vec<Item>);
    /// Takes this section's values out of the layers; a value that is wrong is noted there.
    fn read(prefix: &str, layers: &mut Layers) -> Self;
    /// Appends each key with its value as TOML (`None`: an optional key that is not set).
    fn values(&self, prefix: &str, values: &mut Vec<(String, Option<String>)>);
}

/// Path of `name` below `prefix`; the root has an empty prefix.
pub(crate) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Declares sections: `{ keys } { sub-sections }`. A key reads
/// `name: Type = "default" in "min"..="max" like "sample"`, the last two being optional.
macro_rules! settings {
    ($(
        $(#[doc = $section_help:literal])*
        pub struct $Section:ident {
            $(
                $(#[doc = $help:literal])*
                $key:ident: $Type:ty = $default:literal
                    $(in $min:literal ..= $max:literal)? $(like $sample:literal)?,
            )*
        } {
            $($sub:ident: $Sub:ident,)*
        }
    )*) => {$(
        $(#[doc = $section_help])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Section {
            $($(#[doc = $help])* pub $key: $Type,)*
            $(pub $sub: $Sub,)*
        }

        impl $Section {
            const HELP: &'static [&'static str] = &[$($section_help),*];
        }

        impl $crate::declare::Section for $Section {
            fn describe(prefix: &str, items: &mut Vec<$crate::declare::Item>) {
                use $crate::declare::{Item, join};
                items.push(Item::Section { path: prefix.to_owned(), help: Self::HELP });
                $(items.push(Item::Key($crate::declare::Key {
                    path: join(prefix, stringify!($key)),
                    help: &[$($help),*],
                    default: $default,
                    sample: None$(.or(Some($sample)))?,
                    range: None$(.or(Some(($min, $max))))?,
                }));)*
                $($Sub::describe(&join(prefix, stringify!($sub)), items);)*
            }

            fn read(prefix: &str, layers: &mut $crate::layers::Layers) -> Self {
                use $crate::declare::join;
                $(
                    let path = join(prefix, stringify!($key));
                    let $key: $Type = layers.take(&path, $default, |_value: &$Type| {
                        $(if !$crate::declare::in_range(_value, $min, $max) {
                            return Err(concat!("must be between ", $min, " and ", $max).to_owned());
                        })?
                        Ok(())
                    });
                )*
                $(let $sub = $Sub::read(&join(prefix, stringify!($sub)), layers);)*
                Self { $($key,)* $($sub,)* }
            }

            fn values(&self, prefix: &str, values: &mut Vec<(String, Option<String>)>) {
                use $crate::declare::join;
                $(values.push((
                    join(prefix, stringify!($key)),
                    $crate::value::Setting::to_toml(&self.$key),
                ));)*
                $(self.$sub.values(&join(prefix, stringify!($sub)), values);)*
            }
        }
    )*};
}
pub(crate) use settings;

/// Whether `min <= value <= max`, the bounds being written like values.
pub(crate) fn in_range<T: crate::value::Setting + PartialOrd>(value: &T, min: &str, max: &str) -> bool {
    let bound = |text| T::from_text(text).expect("bounds in the declaration parse; a test reads them all");
    bound(min) <= *value && *value <= bound(max)
}
