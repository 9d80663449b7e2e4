use serde::{Deserialize, Serialize};

/// Levels of friends below a user. `serde_json` reads 127 levels of brackets; a user takes two.
pub const MAX_DEPTH: usize = 32;

/// Bytes of memory for a user and all friends, which are copies: `[user, user]` takes them twice.
pub const MAX_SIZE: usize = 1 << 20;

/// Why there is no such user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("friends are nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("a user and all friends take more than {MAX_SIZE} bytes")]
    TooLarge,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A named group of users.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    name: String,
}

impl Group {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A user. No user can be among their own friends, as JSON has no cycles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct User {
    username: String,
    group: Option<Group>,
    friends: Vec<User>,
    #[serde(skip)]
    depth: usize,
    #[serde(skip)]
    size: usize,
}

/// A user as in JSON, before its limits were checked.
#[derive(Deserialize)]
struct Fields {
    username: String,
    group: Option<Group>,
    friends: Vec<User>,
}

impl TryFrom<Fields> for User {
    type Error = UserError;

    fn try_from(fields: Fields) -> Result<Self, UserError> {
        let user = Self::new(fields.username, fields.group);
        fields.friends.into_iter().try_fold(user, Self::with_friend)
    }
}

impl User {
    /// Makes a user without friends.
    pub fn new(username: impl Into<String>, group: Option<Group>) -> Self {
        let username = username.into();
        let names = username.len() + group.as_ref().map_or(0, |group| group.name.len());
        Self {
            username,
            group,
            friends: vec![],
            depth: 0,
            size: size_of::<Self>() + names,
        }
    }

    /// Adds a friend: every user can be shared, compared, freed, written and read back without
    /// running out of stack or memory.
    ///
    /// # Errors
    ///
    /// `TooDeep` or `TooLarge` if the user and all friends are beyond [`MAX_DEPTH`] or [`MAX_SIZE`].
    pub fn with_friend(mut self, friend: Self) -> Result<Self, UserError> {
        self.depth = self.depth.max(friend.depth + 1);
        self.size += friend.size;
        if self.depth > MAX_DEPTH {
            return Err(UserError::TooDeep);
        }
        if self.size > MAX_SIZE {
            return Err(UserError::TooLarge);
        }
        self.friends.push(friend);
        Ok(self)
    }

    /// Reads a user from a JSON object with `username`, `friends` and perhaps `group`.
    ///
    /// # Errors
    ///
    /// `Json`, with line and column, if `text` is malformed, not a user, or beyond the limits.
    pub fn from_json(text: &str) -> Result<Self, UserError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Returns the user as JSON, on one line.
    ///
    /// # Errors
    ///
    /// `Json` if there is no memory left for it.
    pub fn to_json(&self) -> Result<String, UserError> {
        Ok(serde_json::to_string(self)?)
    }

    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    #[must_use]
    pub fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    #[must_use]
    pub fn friends(&self) -> &[Self] {
        &self.friends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User::new(name, None)
    }

    #[test]
    fn test_serialize() {
        let user = User::new("danya", Some(Group::new("group name")))
            .with_friend(user("friend 1"))
            .and_then(|danya| danya.with_friend(user("friend 2")));

        let serialized = user.unwrap().to_json().expect("failed to serialize");
        assert_eq!(
            serialized,
            r#"{"username":"danya","group":{"name":"group name"},"friends":[{"username":"friend 1","group":null,"friends":[]},{"username":"friend 2","group":null,"friends":[]}]}"#
        );
    }

    #[test]
    fn test_deserialize() {
        let serialized = r#"{"username": "danya", "friends":
            [{"username": "friend", "group": {"name": "danya's friends"}, "friends": []}]}"#;
        let user = User::from_json(serialized).expect("failed to deserialize");

        assert_eq!(user.username, "danya");
        assert!(user.group.is_none());
        assert_eq!(user.friends.len(), 1);

        let friend = &user.friends[0];
        assert_eq!(friend.username, "friend");
        assert_eq!(friend.group.as_ref().unwrap().name, "danya's friends");
    }

    #[test]
    fn test_limits() {
        let nest = |deep, _| user("").with_friend(deep);
        let deep = (0..MAX_DEPTH).try_fold(user(""), nest).unwrap();
        let json = deep.to_json().unwrap();
        assert_eq!(User::from_json(&json).unwrap(), deep);
        assert!(matches!(nest(deep, 0), Err(UserError::TooDeep)));

        let deeper = json.replace("[]", &format!("[{json}]"));
        assert!(User::from_json(&deeper).is_err());

        let large = user(&"x".repeat(MAX_SIZE));
        assert!(matches!(nest(large, 0), Err(UserError::TooLarge)));
    }
}
