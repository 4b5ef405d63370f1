//! Page structs meet their templates.

use askama::Template;

use super::account::{
    AccountSection, AddressEditPage, AddressesPage, FormPage, OrdersPage, ProfilePage, RegisterPage,
    SignInPage,
};
use super::cart::{CartPage, ShippingCost, Totals};
use super::checkout::{
    CheckoutStep, CheckoutSummary, ContactPage, DeliveryPage, NotDeliverablePage, PaymentMethod, PaymentPage,
    ReviewPage,
};
use super::compare::ComparePage;
use super::content::{ContentPage, NotFoundPage, ProblemPage};
use super::home::HomePage;
use super::listing::{FacetBody, ListingKind, ListingPage};
use super::order::{OrderLookUpPage, OrderPage};
use super::parts::{Availability, Field, FieldKind, PriceTag, ProductCard, StepState};
use super::paths;
use super::product::ProductPage;
use super::shell::Shell;
use crate::l10n::Text;

/// A page that can be shown in a shell.
pub trait Page {
    /// The title where [`super::Head::title`] is empty.
    fn title(&self, t: Text) -> String;
    /// The whole document.
    fn render(&self, shell: &Shell) -> String;
}

/// Joins a page struct to its template. Templates see `shell`, `page`, `title` and the words `t`.
macro_rules! page {
    ($page:ty, $template:ident, $path:tt, $title:expr) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $template<'a> {
            shell: &'a Shell,
            page: &'a $page,
            title: String,
            t: Text,
        }

        impl Page for $page {
            fn title(&self, t: Text) -> String {
                let title: fn(&$page, Text) -> String = $title;
                title(self, t)
            }

            fn render(&self, shell: &Shell) -> String {
                let t = shell.text();
                let title = match shell.head.title.as_str() {
                    "" => self.title(t),
                    given => given.to_owned(),
                };
                $template { shell, page: self, title, t }
                    .render()
                    .expect("a template only fails where its writer does, and a String does not")
            }
        }
    };
}

page!(HomePage, HomeTemplate, "storefront/home.html", |_, _| String::new());
page!(ListingPage, ListingTemplate, "storefront/listing.html", |page, t| page.heading(t));
page!(ProductPage, ProductTemplate, "storefront/product.html", |page, _| page.name.clone());
page!(ComparePage, CompareTemplate, "storefront/compare.html", |_, t| t.compare().to_owned());
page!(CartPage, CartTemplate, "storefront/cart.html", |_, t| t.cart().to_owned());
page!(ContactPage, ContactTemplate, "storefront/checkout_contact.html", |_, t| t.step_contact().to_owned());
page!(DeliveryPage, DeliveryTemplate, "storefront/checkout_delivery.html", |_, t| t
    .step_delivery()
    .to_owned());
page!(PaymentPage, PaymentTemplate, "storefront/checkout_payment.html", |_, t| t.step_payment().to_owned());
page!(ReviewPage, ReviewTemplate, "storefront/checkout_review.html", |_, t| t.step_review().to_owned());
page!(NotDeliverablePage, NotDeliverableTemplate, "storefront/not_deliverable.html", |page, t| {
    t.not_deliverable(&page.destination)
});
page!(OrderPage, OrderTemplate, "storefront/order.html", |page, t| t.order_title(&page.number));
page!(OrderLookUpPage, OrderLookUpTemplate, "storefront/order_look_up.html", |_, t| t.look_up().to_owned());
page!(SignInPage, SignInTemplate, "storefront/sign_in.html", |_, t| t.sign_in().to_owned());
page!(RegisterPage, RegisterTemplate, "storefront/register.html", |_, t| t.register().to_owned());
page!(FormPage, FormTemplate, "storefront/form.html", |page, _| page.title.clone());
page!(ProfilePage, ProfileTemplate, "storefront/account_profile.html", |_, t| t.profile().to_owned());
page!(OrdersPage, OrdersTemplate, "storefront/account_orders.html", |_, t| t.orders().to_owned());
page!(AddressesPage, AddressesTemplate, "storefront/account_addresses.html", |_, t| t.addresses().to_owned());
page!(AddressEditPage, AddressEditTemplate, "storefront/account_address.html", |page, t| {
    if page.id.is_some() { t.address_edit().to_owned() } else { t.address_new().to_owned() }
});
page!(ContentPage, ContentTemplate, "storefront/content.html", |page, _| page.title.clone());
page!(NotFoundPage, NotFoundTemplate, "storefront/not_found.html", |_, t| t.problem_not_found().to_owned());
page!(ProblemPage, ProblemTemplate, "storefront/problem.html", |page, t| t.problem(page.status).0.to_owned());

/// A part of a page with a template of its own; printed unescaped, having escaped its values itself.
macro_rules! part {
    ($template:ident, $path:tt, { $($field:ident: $type:ty),* }) => {
        #[derive(Template)]
        #[template(path = $path)]
        pub(super) struct $template<'a> {
            $($field: $type,)*
            t: Text,
        }

        impl askama::filters::HtmlSafe for $template<'_> {}
    };
}

part!(FieldPart, "storefront/part/field.html", { field: &'a Field });
part!(CardPart, "storefront/part/card.html", { card: &'a ProductCard, level: u8 });
part!(PricePart, "storefront/part/price.html", { tag: &'a PriceTag });
part!(TotalsPart, "storefront/part/totals.html", { totals: &'a Totals });
part!(SummaryPart, "storefront/part/summary.html", { shell: &'a Shell, summary: &'a CheckoutSummary });
part!(MethodsPart, "storefront/part/methods.html", { methods: &'a [PaymentMethod] });

impl Field {
    fn html(&self, t: Text) -> FieldPart<'_> {
        FieldPart { field: self, t }
    }
}

impl ProductCard {
    /// `level` is that of the heading.
    fn html(&self, t: Text, level: u8) -> CardPart<'_> {
        CardPart { card: self, level, t }
    }
}

impl PriceTag {
    fn html(&self, t: Text) -> PricePart<'_> {
        PricePart { tag: self, t }
    }
}

impl Totals {
    fn html(&self, t: Text) -> TotalsPart<'_> {
        TotalsPart { totals: self, t }
    }
}

impl CheckoutSummary {
    fn html<'a>(&'a self, shell: &'a Shell) -> SummaryPart<'a> {
        SummaryPart { shell, summary: self, t: shell.text() }
    }
}

fn methods_html(methods: &[PaymentMethod], t: Text) -> MethodsPart<'_> {
    MethodsPart { methods, t }
}

impl ListingPage {
    fn heading(&self, t: Text) -> String {
        match &self.kind {
            ListingKind::Category { name } => name.clone(),
            ListingKind::Search { term, .. } if term.trim().is_empty() => t.search().to_owned(),
            ListingKind::Search { term, .. } => t.results_for(term),
        }
    }
}

/// Fields with something to put right, for the list at the top of a form.
fn wrong<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<&'a Field> {
    fields.into_iter().filter(|field| field.error.is_some()).collect()
}

/// Which step of the checkout a template shows.
macro_rules! step {
    ($($template:ident => $step:ident,)*) => {
        $(impl $template<'_> {
            fn step(&self) -> CheckoutStep {
                CheckoutStep::$step
            }
        })*
    };
}

step! {
    ContactTemplate => Contact,
    DeliveryTemplate => Delivery,
    PaymentTemplate => Payment,
    ReviewTemplate => Review,
}

fn length(fields: &[&Field]) -> u64 {
    u64::try_from(fields.len()).unwrap_or(u64::MAX)
}
