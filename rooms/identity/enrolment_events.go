package identity

// The events of enrolment, version 1.
const (
	// EventApplicationSubmitted: somebody applied for an identity. Data ApplicationSubmitted.
	EventApplicationSubmitted = "identity.application.submitted"
	// EventApplicationAdjudicated: an official decided. Data ApplicationAdjudicated.
	EventApplicationAdjudicated = "identity.application.adjudicated"
)

// ApplicationSubmitted is the data of identity.application.submitted.
type ApplicationSubmitted struct {
	District   string `json:"district"`
	Likenesses int    `json:"likenesses"` // people the applicant resembles
	Highest    int64  `json:"highest"`    // strongest of them, 0 to 100
}

// ApplicationAdjudicated is the data of identity.application.adjudicated.
type ApplicationAdjudicated struct {
	Outcome string `json:"outcome"` // of this official: approved or refused
	State   string `json:"state"`   // of the application after it: submitted, issued or refused
}
