package mapping

import "fmt"

// SurveyConfig is what a survey on psychological safety came to: the seven
// questions of Edmondson's team scale, from 1 to 7, those worded negatively
// reversed. Only the mean of all answers is written down, never single ones.
//
//schema:json {"required": ["team", "date", "mean", "answers"]}
type SurveyConfig struct {
	// Id of the team that was asked.
	//schema:json {"pattern": "^[a-z0-9_-]{1,40}$"}
	Team string `yaml:"team"`
	// The last day of the survey.
	Date *Date `yaml:"date"`
	// Mean of all answers, from 1 to 7.
	Mean *ScaleMean `yaml:"mean"`
	// Number of people that answered. With fewer than 5 nothing is shown.
	//schema:json {"minimum": 1}
	Answers *int `yaml:"answers"`
}

// ExplainKey refuses persons.
func (SurveyConfig) ExplainKey(key string) (string, bool) { return explainPerson(key) }

// ScaleMean is the mean of answers on a scale from 1 to 7, in thousandths.
//
//schema:json {"type": ["number", "string"], "minimum": 1, "maximum": 7, "pattern": "^[1-7](\\.[0-9]*)?$", "examples": [5.4]}
type ScaleMean int64

// UnmarshalText reads a number such as 5.4.
func (m *ScaleMean) UnmarshalText(text []byte) error {
	value, err := fixed(string(text), 3)
	if err != nil || value < 1000 || value > 7000 {
		return fmt.Errorf("must be a mean from 1 to 7 such as 5.4; found %q%s", text, orNothing(err))
	}
	*m = ScaleMean(value)
	return nil
}

// Survey is the declared result of one survey.
type Survey struct {
	Team    int // index into RuleSet.Teams
	Date    Date
	Mean    ScaleMean
	Answers int
}

// Surveys returns the declared results of surveys in file order.
func (rs *RuleSet) Surveys() []Survey { return rs.surveyed }

func (c *compiler) surveys() {
	for i := range c.cfg.Surveys {
		sc, path := &c.cfg.Surveys[i], at("surveys", i)
		team, _ := c.lookup(&c.teamIDs, path+".team", sc.Team)
		if sc.Date == nil {
			c.doc.Problemf(path+".date", "is missing; write the last day of the survey such as 2026-10-01")
		}
		if sc.Mean == nil {
			c.doc.Problemf(path+".mean", "is missing; write the mean of all answers, from 1 to 7")
		}
		switch {
		case sc.Answers == nil:
			c.doc.Problemf(path+".answers", "is missing; write how many people answered")
		case *sc.Answers < 1:
			c.doc.Problemf(path+".answers", "must be 1 or more; found %d", *sc.Answers)
		}
		if sc.Date != nil && sc.Mean != nil && sc.Answers != nil {
			c.rs.surveyed = append(c.rs.surveyed, Survey{team, *sc.Date, *sc.Mean, *sc.Answers})
		}
	}
}
