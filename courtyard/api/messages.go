package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// huma words its findings in English when an operation is registered, and the
// words are package variables. We put our message keys there, with the value
// behind a separator, and translate when a problem is written.
const separator = "\x1f"

var plainMessages = map[string]string{
	"unknown query parameter": "api.field.unknown", "invalid integer": "api.field.integer", "invalid float": "api.field.number",
	"invalid boolean": "api.field.boolean", "write only property is non-zero": "api.field.unknown",
	"expected value to match exactly one schema but matched multiple": "api.field.value",
}

func init() {
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = humaProblem
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(nil, status, msg, errs...)
	}
	for message, key := range map[*string]string{
		&validation.MsgUnexpectedProperty:                 "unknown",
		&validation.MsgExpectedRFC3339DateTime:            "date-time",
		&validation.MsgExpectedRFC1123DateTime:            "date-time",
		&validation.MsgExpectedRFC3339Date:                "date",
		&validation.MsgExpectedRFC3339Time:                "time",
		&validation.MsgExpectedRFC5322Email:               "email*%.0v",
		&validation.MsgExpectedRFC5890Hostname:            "hostname",
		&validation.MsgExpectedRFC2673IPv4:                "address",
		&validation.MsgExpectedRFC2373IPv6:                "address",
		&validation.MsgExpectedRFCIPAddr:                  "address",
		&validation.MsgExpectedRFC3986URI:                 "uri*%.0v",
		&validation.MsgExpectedRFC4122UUID:                "uuid*%.0v",
		&validation.MsgExpectedRFC6570URITemplate:         "value",
		&validation.MsgExpectedRFC6901JSONPointer:         "value",
		&validation.MsgExpectedRFC6901RelativeJSONPointer: "value",
		&validation.MsgExpectedRegexp:                     "value*%.0v",
		&validation.MsgExpectedMatchAtLeastOneSchema:      "value",
		&validation.MsgExpectedMatchExactlyOneSchema:      "value",
		&validation.MsgExpectedNotMatchSchema:             "value",
		&validation.MsgExpectedPropertyNameInObject:       "value",
		&validation.MsgExpectedBoolean:                    "boolean",
		&validation.MsgExpectedDuration:                   "duration*%.0v",
		&validation.MsgExpectedNumber:                     "number",
		&validation.MsgExpectedInteger:                    "integer",
		&validation.MsgExpectedString:                     "string",
		&validation.MsgExpectedBase64String:               "base64",
		&validation.MsgExpectedArray:                      "array",
		&validation.MsgExpectedObject:                     "object",
		&validation.MsgExpectedArrayItemsUnique:           "unique",
		&validation.MsgExpectedOneOf:                      "one-of*%s",
		&validation.MsgExpectedMinimumNumber:              "at-least*%v",
		&validation.MsgExpectedExclusiveMinimumNumber:     "more-than*%v",
		&validation.MsgExpectedMaximumNumber:              "at-most*%v",
		&validation.MsgExpectedExclusiveMaximumNumber:     "less-than*%v",
		&validation.MsgExpectedNumberBeMultipleOf:         "multiple-of*%v",
		&validation.MsgExpectedMinLength:                  "longer*%d",
		&validation.MsgExpectedMaxLength:                  "shorter*%d",
		&validation.MsgExpectedBePattern:                  "pattern*%s",
		&validation.MsgExpectedMatchPattern:               "pattern*%s",
		&validation.MsgExpectedMinItems:                   "more-items*%d",
		&validation.MsgExpectedMaxItems:                   "fewer-items*%d",
		&validation.MsgExpectedMinProperties:              "more-items*%d",
		&validation.MsgExpectedMaxProperties:              "fewer-items*%d",
		&validation.MsgExpectedRequiredProperty:           "required*%s",
		&validation.MsgExpectedDependentRequiredProperty:  "required*%s%.0s",
	} {
		*message = separator + "api.field." + strings.ReplaceAll(key, "*", separator)
	}
}

// messageKey reads what init wrote.
func messageKey(message string) (key string, args []string) {
	if key, ok := plainMessages[message]; ok {
		return key, nil
	}
	if strings.HasPrefix(message, "required ") && strings.HasSuffix(message, " parameter is missing") {
		return "api.field.required", nil
	}
	parts := strings.SplitN(strings.TrimPrefix(message, separator), separator, 2)
	if !strings.HasPrefix(message, separator) {
		return "api.field.value", nil
	}
	if len(parts) == 1 || parts[1] == "" {
		return parts[0], nil
	}
	if parts[0] == "api.field.required" {
		return parts[0], []string{"name", parts[1]}
	}
	return parts[0], []string{"want", parts[1]}
}

func keyArg(args []string, name string) string {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1]
		}
	}
	return ""
}
