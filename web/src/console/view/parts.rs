//! What pages are made of besides tables and forms.

use super::{Chart, Form, Table};
use crate::storefront::view::RichText;

#[derive(Clone, Debug)]
pub enum Part {
    Panel(Panel),
    Table(Box<Table>),
    Form(Box<Form>),
    Text(String),
    /// Rendered Markdown, sanitized where it was made.
    Rich(RichText),
    Facts(Vec<Fact>),
    Sums(Vec<Sum>),
    Figures(Vec<Figure>),
    Chart(Box<Chart>),
    Timeline(Vec<Happening>),
    /// Lines as they stand on an envelope.
    Address(Vec<String>),
    Steps(Vec<Step>),
    Notice(Notice),
    /// Something to be copied, such as a link that is shown once.
    Copy {
        label: String,
        text: String,
    },
    Links(Vec<Link>),
    Actions(Vec<Action>),
    /// Nothing is here yet, and what to do about it.
    Empty {
        title: String,
        text: String,
        action: Option<Action>,
    },
}

macro_rules! part_from {
    ($($type:ty => $variant:ident $(($wrap:path))?),+ $(,)?) => {$(
        impl From<$type> for Part {
            fn from(value: $type) -> Part {
                Part::$variant($($wrap)?(value))
            }
        }
    )+};
}
part_from! {
    Panel => Panel,
    Table => Table(Box::new),
    Chart => Chart(Box::new),
    Notice => Notice,
}

impl From<Form> for Part {
    fn from(form: Form) -> Part {
        Part::Form(Box::new(form.bound()))
    }
}

/// A titled box.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    pub title: String,
    /// Said beside the title.
    pub note: String,
    pub actions: Vec<Action>,
    pub parts: Vec<Part>,
    /// Tables reach the box's edges.
    pub flush: bool,
    /// Folded together until asked for.
    pub folded: bool,
}

impl Panel {
    pub fn new(title: impl Into<String>) -> Panel {
        Panel { title: title.into(), ..Panel::default() }
    }

    pub fn note(mut self, words: impl Into<String>) -> Panel {
        self.note = words.into();
        self
    }

    pub fn action(mut self, action: Action) -> Panel {
        self.actions.push(action);
        self
    }

    pub fn part(mut self, part: impl Into<Part>) -> Panel {
        self.parts.push(part.into());
        self
    }

    pub fn flush(mut self) -> Panel {
        self.flush = true;
        self
    }

    pub fn folded(mut self) -> Panel {
        self.folded = true;
        self
    }

    pub(super) fn id(&self) -> String {
        super::element_id("panel", &self.title.to_lowercase())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub label: String,
    pub href: String,
}

impl Link {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Link {
        Link { label: label.into(), href: href.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    pub label: String,
    pub href: String,
}

/// Something a person can do from here.
#[derive(Clone, Debug)]
pub enum Action {
    Go(Link),
    /// Sends a form that stands elsewhere on the page, named by its id.
    Send {
        label: String,
        form: String,
    },
    /// A form of one button.
    Post(Post),
}

impl Action {
    pub fn go(label: impl Into<String>, href: impl Into<String>) -> Action {
        Action::Go(Link::new(label, href))
    }

    pub fn send(label: impl Into<String>, form: impl Into<String>) -> Action {
        Action::Send { label: label.into(), form: form.into() }
    }
}

#[derive(Clone, Debug)]
pub struct Post {
    pub label: String,
    pub href: String,
    pub hidden: Vec<(String, String)>,
    pub danger: bool,
    /// For whom the words of the button alone would not do: "Mark shipment 2 as delivered".
    pub spoken: String,
}

impl Post {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Post {
        Post {
            label: label.into(),
            href: href.into(),
            hidden: Vec::new(),
            danger: false,
            spoken: String::new(),
        }
    }

    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Post {
        self.hidden.push((name.into(), value.to_string()));
        self
    }

    pub fn danger(mut self) -> Post {
        self.danger = true;
        self
    }

    pub fn spoken(mut self, words: impl Into<String>) -> Post {
        self.spoken = words.into();
        self
    }
}

impl From<Post> for Action {
    fn from(post: Post) -> Action {
        Action::Post(post)
    }
}

/// How a word is coloured; the word itself carries the meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
    Live,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "tone-plain",
            Tone::Good => "tone-good",
            Tone::Warn => "tone-warn",
            Tone::Bad => "tone-bad",
            Tone::Live => "tone-live",
        }
    }
}

/// A state as a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    pub label: String,
    pub tone: Tone,
}

impl Badge {
    pub fn new(label: impl Into<String>, tone: Tone) -> Badge {
        Badge { label: label.into(), tone }
    }
}

/// What has just happened, or what to look at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub title: String,
    pub text: String,
    pub link: Option<Link>,
}

impl Notice {
    pub fn new(tone: Tone, title: impl Into<String>) -> Notice {
        Notice { tone, title: title.into(), text: String::new(), link: None }
    }

    pub fn text(mut self, words: impl Into<String>) -> Notice {
        self.text = words.into();
        self
    }

    pub fn link(mut self, link: Link) -> Notice {
        self.link = Some(link);
        self
    }

    /// Whether it is read out at once.
    pub(super) fn role(&self) -> &'static str {
        match self.tone {
            Tone::Bad | Tone::Warn => "alert",
            Tone::Plain | Tone::Good | Tone::Live => "status",
        }
    }
}

/// A name and its value.
#[derive(Clone, Debug)]
pub struct Fact {
    pub name: String,
    pub value: super::Cell,
}

impl Fact {
    pub fn new(name: impl Into<String>, value: impl Into<super::Cell>) -> Fact {
        Fact { name: name.into(), value: value.into() }
    }
}

/// A line of a sum.
#[derive(Clone, Debug)]
pub struct Sum {
    pub name: String,
    pub amount: String,
    pub strong: bool,
}

impl Sum {
    pub fn new(name: impl Into<String>, amount: impl Into<String>) -> Sum {
        Sum { name: name.into(), amount: amount.into(), strong: false }
    }

    pub fn strong(mut self) -> Sum {
        self.strong = true;
        self
    }
}

/// A number that stands for itself, with what it is compared to.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: String,
    pub value: String,
    /// `+12 % against last Sunday`.
    pub beside: String,
    pub tone: Tone,
    pub href: Option<String>,
}

/// One entry of a history.
#[derive(Clone, Debug)]
pub struct Happening {
    /// For machines, RFC 3339.
    pub at: String,
    pub when: String,
    pub what: String,
    pub who: String,
    /// A remark in somebody's own words.
    pub quote: Option<String>,
}

/// One point of a list that ticks itself.
#[derive(Clone, Debug)]
pub struct Step {
    pub label: String,
    pub text: String,
    pub href: String,
    pub done: bool,
}

/// A picture with the size of its file, so that nothing moves when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub url: String,
    pub alt: String,
    pub width: u32,
    pub height: u32,
}
