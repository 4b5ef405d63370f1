//! Places as people write them, one a line: `GB`, `IN-MH`, `GB: BT, JE`.

use gearify_commerce::shipping::Area;
use gearify_commerce::tax::Place;
use gearify_commerce::{Country, RegionCode};

/// # Errors
/// Which line can't be read, and how to write one.
pub fn parse_areas(text: &str) -> Result<Vec<Area>, String> {
    lines(text).map(|line| parse_area(line).ok_or_else(|| help(line, "GB, IN-MH or GB: BT, JE"))).collect()
}

/// # Errors
/// Which line can't be read, and how to write one.
pub fn parse_places(text: &str) -> Result<Vec<Place>, String> {
    lines(text).map(|line| parse_place(line).ok_or_else(|| help(line, "GB or IN-MH"))).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn help(line: &str, example: &str) -> String {
    format!(
        "“{}” is not a place. Write one a line, such as {example}",
        line.chars().take(40).collect::<String>()
    )
}

fn parse_place(text: &str) -> Option<Place> {
    match text.split_once('-') {
        None => Country::parse(text).ok().map(Place::country),
        Some((country, _)) => {
            let country = Country::parse(country).ok()?;
            Some(Place { country, region: Some(RegionCode::parse(text).ok()?) })
        }
    }
}

fn parse_area(line: &str) -> Option<Area> {
    let (place, prefixes) = line.split_once(':').unwrap_or((line, ""));
    let Place { country, region } = parse_place(place.trim())?;
    let prefix = |text: &str| text.trim().to_uppercase().replace(' ', "");
    let postal_prefixes: Vec<String> =
        prefixes.split(',').map(prefix).filter(|text| !text.is_empty()).collect();
    let good = postal_prefixes.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    good.then_some(Area { country, region, postal_prefixes })
}

pub fn area_line(area: &Area) -> String {
    let place = area.region.as_ref().map_or_else(|| area.country.to_string(), ToString::to_string);
    match area.postal_prefixes.is_empty() {
        true => place,
        false => format!("{place}: {}", area.postal_prefixes.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_their_lines() {
        let text = "GB\nIN-MH\nGB: BT, JE2";
        let areas = parse_areas(" gb \n\nin-mh\r\nGB: bt, je 2,").unwrap();
        assert_eq!(areas.iter().map(area_line).collect::<Vec<_>>().join("\n"), text);
        assert_eq!(parse_areas(text).unwrap(), areas);
        let places = parse_places("AU\nAU-NSW").unwrap();
        assert_eq!(places.iter().map(ToString::to_string).collect::<Vec<_>>(), ["AU", "AU-NSW"]);
    }

    #[test]
    fn a_line_that_is_no_place_is_named() {
        for bad in ["Britain", "GB-", "1", "GB: B*", "-MH"] {
            assert!(parse_areas(bad).unwrap_err().contains(bad), "{bad}");
        }
        assert!(parse_places("GB: BT").is_err());
    }
}
