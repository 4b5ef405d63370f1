//! Forms: labels, hints, what was typed, and what is wrong with it beside the field.

use super::parts::Link;
use super::table::Cell;

#[derive(Clone, Debug, Default)]
pub struct Form {
    pub id: String,
    pub action: String,
    /// Reads only: sent as a query, without token and key.
    pub get: bool,
    /// Carries a file.
    pub upload: bool,
    pub hidden: Vec<(String, String)>,
    /// What stopped the form as a whole, and what to do.
    pub error: Option<String>,
    /// Said before what is wrong; that nothing was changed, if empty.
    pub headline: String,
    pub intro: String,
    pub sections: Vec<Section>,
    pub submits: Vec<Submit>,
    pub cancel: Option<Link>,
    /// Leaving with unsaved changes asks first, and Ctrl+S saves.
    pub guarded: bool,
    /// Fields and button in one line.
    pub inline: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Section {
    pub title: String,
    pub hint: String,
    pub fields: Vec<Field>,
    pub folded: bool,
    /// Fields in a grid: a head, then rows with a name and a cell under each column.
    pub grid: Option<Grid>,
}

#[derive(Clone, Debug, Default)]
pub struct Grid {
    pub columns: Vec<super::Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Moved about in and pasted into like a spreadsheet.
    pub sheet: bool,
}

#[derive(Clone, Debug)]
pub struct Submit {
    pub label: String,
    /// Name and value that say which button was pressed.
    pub says: Option<(String, String)>,
    pub weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Main,
    Plain,
    Danger,
}

impl Weight {
    pub fn class(self) -> &'static str {
        match self {
            Weight::Main => "button button-main",
            Weight::Plain => "button",
            Weight::Danger => "button button-danger",
        }
    }
}

impl Submit {
    pub fn main(label: impl Into<String>) -> Submit {
        Submit { label: label.into(), says: None, weight: Weight::Main }
    }

    pub fn plain(label: impl Into<String>) -> Submit {
        Submit { label: label.into(), says: None, weight: Weight::Plain }
    }

    pub fn danger(label: impl Into<String>) -> Submit {
        Submit { label: label.into(), says: None, weight: Weight::Danger }
    }

    pub fn says(mut self, name: impl Into<String>, value: impl Into<String>) -> Submit {
        self.says = Some((name.into(), value.into()));
        self
    }
}

impl Form {
    pub fn post(id: impl Into<String>, action: impl Into<String>) -> Form {
        Form { id: id.into(), action: action.into(), ..Form::default() }
    }

    pub fn get(id: impl Into<String>, action: impl Into<String>) -> Form {
        Form { get: true, ..Form::post(id, action) }
    }

    pub fn guarded(mut self) -> Form {
        self.guarded = true;
        self
    }

    pub fn inline(mut self) -> Form {
        self.inline = true;
        self
    }

    pub fn upload(mut self) -> Form {
        self.upload = true;
        self
    }

    pub fn intro(mut self, words: impl Into<String>) -> Form {
        self.intro = words.into();
        self
    }

    pub fn error(mut self, words: Option<String>) -> Form {
        self.error = words;
        self
    }

    pub fn headline(mut self, words: impl Into<String>) -> Form {
        self.headline = words.into();
        self
    }

    pub fn hidden(mut self, name: impl Into<String>, value: impl ToString) -> Form {
        self.hidden.push((name.into(), value.to_string()));
        self
    }

    pub fn section(mut self, section: Section) -> Form {
        self.sections.push(section);
        self
    }

    /// Fields without a heading of their own.
    pub fn fields(self, fields: Vec<Field>) -> Form {
        self.section(Section { fields, ..Section::default() })
    }

    pub fn submit(mut self, submit: Submit) -> Form {
        self.submits.push(submit);
        self
    }

    pub fn cancel(mut self, label: impl Into<String>, href: impl Into<String>) -> Form {
        self.cancel = Some(Link::new(label, href));
        self
    }

    /// Tells every field which form it is in.
    pub(super) fn bound(mut self) -> Form {
        let id = self.id.clone();
        for section in &mut self.sections {
            let cells = section.grid.iter_mut().flat_map(|grid| grid.rows.iter_mut().flatten());
            let in_cells = cells.filter_map(|cell| match cell {
                Cell::Input(field) => Some(&mut **field),
                _ => None,
            });
            for field in section.fields.iter_mut().chain(in_cells) {
                field.form.clone_from(&id);
            }
        }
        self
    }

    /// Fields with something to put right, for the list at the top.
    pub fn wrong(&self) -> Vec<&Field> {
        let in_grid = |section: &'_ Section| section.grid.as_ref().map_or(0, |grid| grid.rows.len()) > 0;
        let mut wrong: Vec<&Field> = Vec::new();
        for section in &self.sections {
            wrong.extend(section.fields.iter().filter(|field| field.error.is_some()));
            if in_grid(section) {
                let cells = section.grid.iter().flat_map(|grid| grid.rows.iter().flatten());
                wrong.extend(cells.filter_map(|cell| match cell {
                    Cell::Input(field) if field.error.is_some() => Some(&**field),
                    _ => None,
                }));
            }
        }
        wrong
    }
}

impl Section {
    pub fn new(title: impl Into<String>, fields: Vec<Field>) -> Section {
        Section { title: title.into(), fields, ..Section::default() }
    }

    pub fn hint(mut self, words: impl Into<String>) -> Section {
        self.hint = words.into();
        self
    }

    pub fn folded(mut self) -> Section {
        self.folded = true;
        self
    }

    pub fn grid(mut self, columns: Vec<super::Column>, rows: Vec<Vec<Cell>>) -> Section {
        self.grid = Some(Grid { columns, rows, sheet: false });
        self
    }

    pub fn sheet(mut self, columns: Vec<super::Column>, rows: Vec<Vec<Cell>>) -> Section {
        self.grid = Some(Grid { columns, rows, sheet: true });
        self
    }

    /// A fold with something wrong inside stands open.
    pub(super) fn open(&self) -> bool {
        self.fields.iter().any(|field| field.error.is_some())
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    /// The form it stands in: two forms of a page may have fields of one name.
    pub form: String,
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    /// What was typed before; never filled for passwords and files.
    pub value: String,
    pub required: bool,
    pub hint: String,
    pub error: Option<String>,
    pub width: Width,
    pub autocomplete: String,
    /// Said before or after the box: `£`, `g`.
    pub unit: String,
    /// The label is for screen readers only: a column or heading says it already.
    pub quiet: bool,
}

#[derive(Clone, Debug)]
pub enum FieldKind {
    Text,
    Email,
    Password,
    /// A number, perhaps with decimals.
    Number,
    Area {
        rows: u32,
    },
    Select(Vec<Choice>),
    /// One of a few, all in sight.
    Radio(Vec<Choice>),
    /// Any of a few.
    Ticks(Vec<Choice>),
    /// Sent as `yes` when ticked.
    Tick,
    Colour,
    File {
        accept: String,
        many: bool,
    },
    /// Local date and time.
    Moment,
    /// Shown, not sent.
    Fixed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    #[default]
    Full,
    Half,
    Short,
}

impl Width {
    pub fn class(self) -> &'static str {
        match self {
            Width::Full => "field-full",
            Width::Half => "field-half",
            Width::Short => "field-short",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub hint: String,
    pub chosen: bool,
}

impl Choice {
    pub fn new(value: impl ToString, label: impl Into<String>) -> Choice {
        Choice { value: value.to_string(), label: label.into(), hint: String::new(), chosen: false }
    }

    pub fn chosen(mut self, chosen: bool) -> Choice {
        self.chosen = chosen;
        self
    }

    pub fn hint(mut self, words: impl Into<String>) -> Choice {
        self.hint = words.into();
        self
    }
}

impl Field {
    pub fn new(kind: FieldKind, name: impl Into<String>, label: impl Into<String>) -> Field {
        Field {
            form: String::new(),
            name: name.into(),
            label: label.into(),
            kind,
            value: String::new(),
            required: true,
            hint: String::new(),
            error: None,
            width: Width::Full,
            autocomplete: String::new(),
            unit: String::new(),
            quiet: false,
        }
    }

    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Field {
        Field::new(FieldKind::Text, name, label)
    }

    pub fn number(name: impl Into<String>, label: impl Into<String>) -> Field {
        Field { width: Width::Short, ..Field::new(FieldKind::Number, name, label) }
    }

    pub fn area(name: impl Into<String>, label: impl Into<String>, rows: u32) -> Field {
        Field::new(FieldKind::Area { rows }, name, label)
    }

    pub fn tick(name: impl Into<String>, label: impl Into<String>, on: bool) -> Field {
        let value = if on { "yes" } else { "" };
        Field::new(FieldKind::Tick, name, label).optional().value(value)
    }

    pub fn select(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Field {
        Field::new(FieldKind::Select(choices), name, label)
    }

    pub fn value(mut self, value: impl ToString) -> Field {
        self.value = value.to_string();
        self
    }

    pub fn optional(mut self) -> Field {
        self.required = false;
        self
    }

    pub fn hint(mut self, words: impl Into<String>) -> Field {
        self.hint = words.into();
        self
    }

    pub fn unit(mut self, sign: impl Into<String>) -> Field {
        self.unit = sign.into();
        self
    }

    pub fn width(mut self, width: Width) -> Field {
        self.width = width;
        self
    }

    pub fn half(self) -> Field {
        self.width(Width::Half)
    }

    pub fn short(self) -> Field {
        self.width(Width::Short)
    }

    pub fn quiet(mut self) -> Field {
        self.quiet = true;
        self
    }

    pub fn autocomplete(mut self, token: impl Into<String>) -> Field {
        self.autocomplete = token.into();
        self
    }

    /// The id of the control on the page.
    pub fn id(&self) -> String {
        super::element_id("f", &format!("{}-{}", self.form, self.name))
    }

    pub(super) fn described_by(&self) -> String {
        let id = self.id();
        let mut ids = Vec::new();
        if !self.hint.is_empty() {
            ids.push(format!("{id}-hint"));
        }
        if self.error.is_some() {
            ids.push(format!("{id}-error"));
        }
        ids.join(" ")
    }

    /// Whether several controls share the name, so that it needs a group.
    pub(super) fn is_group(&self) -> bool {
        matches!(self.kind, FieldKind::Radio(_) | FieldKind::Ticks(_))
    }
}

impl FieldKind {
    pub(super) fn input_type(&self) -> &'static str {
        match self {
            FieldKind::Email => "email",
            FieldKind::Password => "password",
            FieldKind::Moment => "datetime-local",
            _ => "text",
        }
    }

    pub(super) fn keeps_value(&self) -> bool {
        !matches!(self, FieldKind::Password)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, FieldKind::Number)
    }
}

impl Grid {
    pub(super) fn column(&self, index: &usize) -> &super::Column {
        static NONE: super::Column =
            super::Column { label: String::new(), numeric: false, minor: false, sort: None };
        self.columns.get(*index).unwrap_or(&NONE)
    }
}
