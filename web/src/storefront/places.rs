//! Names of countries in the languages of the storefront.

use crate::l10n::{Language, Locale};
use gearify_commerce::Country;

/// Code, English, Hindi. Source: ISO 3166-1 and the common names of CLDR.
const COUNTRIES: [(&str, &str, &str); 62] = [
    ("AE", "United Arab Emirates", "संयुक्त अरब अमीरात"),
    ("AF", "Afghanistan", "अफ़ग़ानिस्तान"),
    ("AT", "Austria", "ऑस्ट्रिया"),
    ("AU", "Australia", "ऑस्ट्रेलिया"),
    ("BB", "Barbados", "बारबाडोस"),
    ("BD", "Bangladesh", "बांग्लादेश"),
    ("BE", "Belgium", "बेल्जियम"),
    ("BG", "Bulgaria", "बुल्गारिया"),
    ("BM", "Bermuda", "बरमूडा"),
    ("BR", "Brazil", "ब्राज़ील"),
    ("BT", "Bhutan", "भूटान"),
    ("CA", "Canada", "कनाडा"),
    ("CH", "Switzerland", "स्विट्ज़रलैंड"),
    ("CN", "China", "चीन"),
    ("CY", "Cyprus", "साइप्रस"),
    ("CZ", "Czechia", "चेकिया"),
    ("DE", "Germany", "जर्मनी"),
    ("DK", "Denmark", "डेनमार्क"),
    ("EE", "Estonia", "एस्टोनिया"),
    ("ES", "Spain", "स्पेन"),
    ("FI", "Finland", "फ़िनलैंड"),
    ("FR", "France", "फ़्रांस"),
    ("GB", "United Kingdom", "यूनाइटेड किंगडम"),
    ("GG", "Guernsey", "गर्नसी"),
    ("GR", "Greece", "यूनान"),
    ("GY", "Guyana", "गुयाना"),
    ("HK", "Hong Kong", "हाँग काँग"),
    ("HR", "Croatia", "क्रोएशिया"),
    ("HU", "Hungary", "हंगरी"),
    ("IE", "Ireland", "आयरलैंड"),
    ("IM", "Isle of Man", "आइल ऑफ़ मैन"),
    ("IN", "India", "भारत"),
    ("IT", "Italy", "इटली"),
    ("JE", "Jersey", "जर्सी"),
    ("JM", "Jamaica", "जमैका"),
    ("JP", "Japan", "जापान"),
    ("KE", "Kenya", "केन्या"),
    ("LK", "Sri Lanka", "श्रीलंका"),
    ("LU", "Luxembourg", "लग्ज़मबर्ग"),
    ("MT", "Malta", "माल्टा"),
    ("MV", "Maldives", "मालदीव"),
    ("MY", "Malaysia", "मलेशिया"),
    ("NA", "Namibia", "नामीबिया"),
    ("NL", "Netherlands", "नीदरलैंड"),
    ("NO", "Norway", "नॉर्वे"),
    ("NP", "Nepal", "नेपाल"),
    ("NZ", "New Zealand", "न्यूज़ीलैंड"),
    ("OM", "Oman", "ओमान"),
    ("PG", "Papua New Guinea", "पापुआ न्यू गिनी"),
    ("PK", "Pakistan", "पाकिस्तान"),
    ("PL", "Poland", "पोलैंड"),
    ("PT", "Portugal", "पुर्तगाल"),
    ("QA", "Qatar", "क़तर"),
    ("RO", "Romania", "रोमानिया"),
    ("SA", "Saudi Arabia", "सऊदी अरब"),
    ("SE", "Sweden", "स्वीडन"),
    ("SG", "Singapore", "सिंगापुर"),
    ("TT", "Trinidad and Tobago", "त्रिनिदाद और टोबैगो"),
    ("UG", "Uganda", "युगांडा"),
    ("US", "United States", "संयुक्त राज्य अमेरिका"),
    ("ZA", "South Africa", "दक्षिण अफ़्रीका"),
    ("ZW", "Zimbabwe", "ज़िम्बाब्वे"),
];

/// The name of a country; of one that is not listed, its code.
pub fn country_name(country: &Country, locale: Locale) -> &str {
    let found = COUNTRIES.binary_search_by(|(code, ..)| (*code).cmp(country.as_str()));
    match (found, locale.language()) {
        (Ok(place), Language::English) => COUNTRIES[place].1,
        (Ok(place), Language::Hindi) => COUNTRIES[place].2,
        (Err(_), _) => country.as_str(),
    }
}

/// Codes and names of the listed countries, by name.
pub fn countries(locale: Locale) -> Vec<(&'static str, &'static str)> {
    let named = |(code, english, hindi): &(&'static str, &'static str, &'static str)| match locale.language()
    {
        Language::English => (*code, *english),
        Language::Hindi => (*code, *hindi),
    };
    let mut all: Vec<_> = COUNTRIES.iter().map(named).collect();
    all.sort_by_key(|(_, name)| *name);
    all
}

/// The name as it stands in a sentence: `the United Kingdom`.
pub fn country_in_words(country: &Country, locale: Locale) -> String {
    const WITH_ARTICLE: [&str; 4] = ["AE", "GB", "NL", "US"];
    let name = country_name(country, locale);
    match locale.language() {
        Language::English if WITH_ARTICLE.contains(&country.as_str()) => format!("the {name}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_their_code() {
        assert!(COUNTRIES.is_sorted_by_key(|(code, ..)| *code));
        let name = |code: &str, locale| {
            let country = Country::parse(code).unwrap();
            country_name(&country, locale).to_owned()
        };
        assert_eq!(name("GB", Locale::EN_GB), "United Kingdom");
        let in_words = |code: &str, locale| country_in_words(&Country::parse(code).unwrap(), locale);
        assert_eq!(in_words("GB", Locale::EN_GB), "the United Kingdom");
        assert_eq!(in_words("AU", Locale::EN_GB), "Australia");
        assert_eq!(in_words("GB", Locale::HI_IN), name("GB", Locale::HI_IN));
        assert_eq!(name("IN", Locale::HI_IN), "भारत");
        assert_eq!(name("TV", Locale::EN_GB), "TV");
    }
}
