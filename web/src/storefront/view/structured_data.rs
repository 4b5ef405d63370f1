//! What search engines read: JSON-LD as typed values, escaped so that no text can end its element.

use serde::Serialize;

use super::parts::{Availability, Rating};
use crate::l10n::Amount;

/// One block of JSON-LD. All addresses are absolute.
#[derive(Debug, Clone)]
pub enum StructuredData {
    Product(ProductData),
    Breadcrumbs(Vec<BreadcrumbData>),
    Organization(OrganizationData),
    /// The site with its search.
    WebSite {
        name: String,
        url: String,
        search_url: String,
    },
}

#[derive(Debug, Clone)]
pub struct ProductData {
    pub name: String,
    pub description: String,
    pub url: String,
    pub image_urls: Vec<String>,
    pub sku: Option<String>,
    pub gtin: Option<String>,
    pub brand: Option<String>,
    pub rating: Option<Rating>,
    pub offers: Vec<OfferData>,
}

#[derive(Debug, Clone)]
pub struct OfferData {
    pub sku: String,
    pub url: String,
    pub price: Amount,
    pub availability: Availability,
}

#[derive(Debug, Clone)]
pub struct BreadcrumbData {
    pub name: String,
    pub url: String,
}

#[derive(Debug, Clone)]
pub struct OrganizationData {
    pub name: String,
    pub url: String,
    pub logo_url: String,
}

impl StructuredData {
    /// JSON for the inside of `<script type="application/ld+json">`.
    ///
    /// `<`, `>` and `&` are written as JSON escapes, so neither `</script>` nor `<!--` can occur;
    /// U+2028 and U+2029 likewise, for readers that take JSON for a script.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string(&self.document()).expect("structured data has only string keys");
        let mut escaped = String::with_capacity(json.len() + 16);
        for character in json.chars() {
            match character {
                '<' => escaped.push_str("\\u003c"),
                '>' => escaped.push_str("\\u003e"),
                '&' => escaped.push_str("\\u0026"),
                '\u{2028}' => escaped.push_str("\\u2028"),
                '\u{2029}' => escaped.push_str("\\u2029"),
                other => escaped.push(other),
            }
        }
        escaped
    }

    fn document(&self) -> Document<'_> {
        let body = match self {
            StructuredData::Product(product) => product_node(product),
            StructuredData::Breadcrumbs(crumbs) => Node::BreadcrumbList {
                item_list_element: crumbs
                    .iter()
                    .zip(1..)
                    .map(|(crumb, position)| Node::ListItem { position, name: &crumb.name, item: &crumb.url })
                    .collect(),
            },
            StructuredData::Organization(organization) => Node::Organization {
                name: &organization.name,
                url: &organization.url,
                logo: &organization.logo_url,
            },
            StructuredData::WebSite { name, url, search_url } => Node::WebSite {
                name,
                url,
                potential_action: Box::new(Node::SearchAction {
                    target: format!("{search_url}?q={{query}}"),
                    query_input: "required name=query",
                }),
            },
        };
        Document { context: "https://schema.org", body }
    }
}

fn product_node(product: &ProductData) -> Node<'_> {
    Node::Product {
        name: &product.name,
        description: &product.description,
        url: &product.url,
        image: &product.image_urls,
        sku: product.sku.as_deref(),
        gtin: product.gtin.as_deref(),
        brand: product.brand.as_deref().map(|name| Box::new(Node::Brand { name })),
        aggregate_rating: product.rating.map(|rating| {
            Box::new(Node::AggregateRating { rating_value: rating.value(), review_count: rating.count })
        }),
        offers: product
            .offers
            .iter()
            .map(|offer| Node::Offer {
                sku: &offer.sku,
                url: &offer.url,
                price: offer.price.decimal(),
                price_currency: offer.price.currency.as_str().to_owned(),
                availability: offer.availability.schema_org(),
                item_condition: "https://schema.org/NewCondition",
            })
            .collect(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(flatten)]
    body: Node<'a>,
}

/// The vocabulary of schema.org that is used here.
#[derive(Serialize)]
#[serde(tag = "@type", rename_all_fields = "camelCase")]
enum Node<'a> {
    Product {
        name: &'a str,
        description: &'a str,
        url: &'a str,
        image: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        sku: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gtin: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        brand: Option<Box<Node<'a>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        aggregate_rating: Option<Box<Node<'a>>>,
        offers: Vec<Node<'a>>,
    },
    Brand {
        name: &'a str,
    },
    AggregateRating {
        rating_value: String,
        review_count: u64,
    },
    Offer {
        sku: &'a str,
        url: &'a str,
        price: String,
        price_currency: String,
        availability: &'static str,
        item_condition: &'static str,
    },
    BreadcrumbList {
        item_list_element: Vec<Node<'a>>,
    },
    ListItem {
        position: u32,
        name: &'a str,
        item: &'a str,
    },
    Organization {
        name: &'a str,
        url: &'a str,
        logo: &'a str,
    },
    WebSite {
        name: &'a str,
        url: &'a str,
        potential_action: Box<Node<'a>>,
    },
    SearchAction {
        target: String,
        #[serde(rename = "query-input")]
        query_input: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l10n::CurrencyCode;

    fn product(name: &str) -> StructuredData {
        StructuredData::Product(ProductData {
            name: name.to_owned(),
            description: "A bat".to_owned(),
            url: "https://willow.example/p/bat".to_owned(),
            image_urls: vec!["https://willow.example/bat.svg".to_owned()],
            sku: Some("BAT-1".to_owned()),
            gtin: None,
            brand: Some("Longacre".to_owned()),
            rating: Some(Rating { tenths: 43, count: 12 }),
            offers: vec![OfferData {
                sku: "BAT-1".to_owned(),
                url: "https://willow.example/p/bat".to_owned(),
                price: Amount::new(24_900, CurrencyCode::GBP),
                availability: Availability::InStock,
            }],
        })
    }

    #[test]
    fn a_product_speaks_the_words_of_schema_org() {
        let json: serde_json::Value = serde_json::from_str(&product("Bat").to_json()).unwrap();
        assert_eq!(json["@context"], "https://schema.org");
        assert_eq!(json["@type"], "Product");
        assert_eq!(json["brand"]["@type"], "Brand");
        assert_eq!(json["aggregateRating"]["ratingValue"], "4.3");
        assert_eq!(json["offers"][0]["price"], "249.00");
        assert_eq!(json["offers"][0]["priceCurrency"], "GBP");
    }

    #[test]
    fn no_text_can_end_the_element() {
        let name = "</script><!--<script>alert(1)</script>&\u{2028}";
        let json = product(name).to_json();
        assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["name"], name);
    }

    #[test]
    fn a_site_names_its_search() {
        let site = StructuredData::WebSite {
            name: "Willow".to_owned(),
            url: "https://willow.example/".to_owned(),
            search_url: "https://willow.example/search".to_owned(),
        };
        let json: serde_json::Value = serde_json::from_str(&site.to_json()).unwrap();
        assert_eq!(json["potentialAction"]["target"], "https://willow.example/search?q={query}");
        assert_eq!(json["potentialAction"]["query-input"], "required name=query");
    }
}
