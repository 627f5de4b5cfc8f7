# An image for others to build on: what is said with ONBUILD happens in theirs.
FROM eclipse-temurin:21-jdk AS stack
WORKDIR /workspace
ONBUILD ARG PROFILE=default
ONBUILD COPY pom.xml .
ONBUILD RUN --mount=type=cache,target=/root/.m2 ["mvn", "--batch-mode", "dependency:go-offline"]
ONBUILD COPY src src
ONBUILD RUN --mount=type=cache,target=/root/.m2 mvn --batch-mode -P "$PROFILE" package

FROM stack AS application
RUN java -Djarmode=layertools -jar target/*.jar extract

FROM eclipse-temurin:21-jre
WORKDIR application
COPY --from=application /workspace/dependencies/ ./
COPY --from=application /workspace/application/ ./
ENTRYPOINT exec java $JAVA_OPTS org.example.Main
