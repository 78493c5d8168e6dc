// Package webtest looks at pages as people do: in a real browser, in both
// languages, light and dark, on a phone and on a desk. It runs axe-core over
// them and takes pictures; tests of web and house use it, and so does
// `make shots`.
//
// The browser is SARAI_CHROMIUM, else chromium as found on the machine;
// axe-core is SARAI_AXE (a path to axe.min.js), else conformance/axe. Where one
// is absent, Need and Axe skip the test and say so.
package webtest
